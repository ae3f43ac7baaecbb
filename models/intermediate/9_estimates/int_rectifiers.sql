-- What twins say of the model's ratings of a group: of the twins in the group itself
-- where it has 30 of the attribute, else of all twins of the gap and domain.
{%- set key = confidence_key() %}
with twins as (
    select
        masked_gap as source_gap,
        domain,
        value_type,
        model_used,
        prompt_version,
        job_number,
        attribute_number,
        true_number,
        estimated_number,
        true_number - estimated_number as residual,
    from {{ ref("int_backtest_estimates") }}
    where estimator = 'llm' and value_type = 'rating'
),

of_groups as (
    select
        groups.grouped_by,
        groups.group_name,
        twins.attribute_number,
        {%- for column in key %}
        twins.{{ column }},
        {%- endfor %}
        count(*) as twins,
        avg(twins.true_number) as true_mean,
        avg(twins.estimated_number) as estimated_mean,
        var_pop(twins.true_number) as true_variance,
        var_pop(twins.estimated_number) as estimated_variance,
        covar_pop(twins.true_number, twins.estimated_number) as covariance,
    from twins
    inner join {{ ref("int_reporting_groups") }} as groups
        on twins.job_number = groups.job_number
    group by
        groups.grouped_by,
        groups.group_name,
        twins.attribute_number,
        {%- for column in key %}
        twins.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    having count(*) >= 30
),

strata as (
    select
        {{ key | join(", ") }},
        count(*) as twins,
        avg(residual) as mean_residual,
        var_pop(residual) as cell_variance,
    from twins
    group by {{ key | join(", ") }}
),

-- Residuals of one job are not independent.
by_job as (
    select
        {%- for column in key %}
        twins.{{ column }},
        {%- endfor %}
        twins.job_number,
        sum(twins.residual - strata.mean_residual) as residual,
    from twins
    inner join strata
        on {{ same_confidence_key("twins", "strata") }}
    group by
        {%- for column in key %}
        twins.{{ column }},
        {%- endfor %}
        twins.job_number
),

of_strata as (
    select
        {%- for column in key %}
        strata.{{ column }},
        {%- endfor %}
        strata.twins,
        strata.mean_residual,
        strata.cell_variance,
        sum(by_job.residual * by_job.residual) / (strata.twins * strata.twins)
            as residual_variance,
    from strata
    inner join by_job
        on {{ same_confidence_key("strata", "by_job") }}
    group by
        {%- for column in key %}
        strata.{{ column }},
        {%- endfor %}
        strata.twins,
        strata.mean_residual,
        strata.cell_variance
)

select
    'group' as twins_of,
    *,
    cast(null as double) as mean_residual,
    cast(null as double) as cell_variance,
    cast(null as double) as residual_variance,
from of_groups
union all by name
select
    'stratum' as twins_of,
    *,
from of_strata
