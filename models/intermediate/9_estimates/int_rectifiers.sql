-- What twins say of the model's ratings of a group: of the twins in the group itself
-- where it has 30 of the attribute, else of all twins of the gap and domain.
{%- set key = confidence_key() | join(", ") %}
{%- set group = "grouped_by, group_name, attribute_number" %}
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

twins_of_groups as (
    select
        twins.*,
        groups.grouped_by,
        groups.group_name,
    from twins
    inner join {{ ref("int_reporting_groups") }} as groups
        on twins.job_number = groups.job_number
),

of_groups as (
    select
        {{ group }},
        {{ key }},
        count(*) as twins,
        avg(true_number) as true_mean,
        avg(estimated_number) as estimated_mean,
        var_pop(true_number) as true_variance,
        var_pop(estimated_number) as estimated_variance,
        covar_pop(true_number, estimated_number) as covariance,
    from twins_of_groups
    group by {{ group }}, {{ key }}
    having count(*) >= 30
),

strata as (
    select
        {{ key }},
        count(*) as twins,
        avg(residual) as mean_residual,
        var_pop(residual) as cell_variance,
    from twins
    group by {{ key }}
),

-- Residuals of one job are not independent.
by_job as (
    select
        {{ key }},
        job_number,
        count(*) as twins,
        sum(residual) as residual,
    from twins
    group by {{ key }}, job_number
),

squares as (
    select
        strata.source_gap,
        strata.domain,
        strata.value_type,
        strata.model_used,
        strata.prompt_version,
        by_job.residual - by_job.twins * strata.mean_residual as deviation,
    from strata
    inner join by_job
        on {{ same_confidence_key("strata", "by_job") }}
),

variances as (
    select
        {{ key }},
        sum(deviation * deviation) as squares,
    from squares
    group by {{ key }}
)

select
    'group' as twins_of,
    {{ group }},
    {{ key }},
    twins,
    true_mean,
    estimated_mean,
    true_variance,
    estimated_variance,
    covariance,
    cast(null as double) as mean_residual,
    cast(null as double) as cell_variance,
    cast(null as double) as residual_variance,
from of_groups
union all
select
    'stratum' as twins_of,
    cast(null as {{ dbt.type_string() }}) as grouped_by,
    cast(null as {{ dbt.type_string() }}) as group_name,
    cast(null as integer) as attribute_number,
    strata.source_gap,
    strata.domain,
    strata.value_type,
    strata.model_used,
    strata.prompt_version,
    strata.twins,
    cast(null as double) as true_mean,
    cast(null as double) as estimated_mean,
    cast(null as double) as true_variance,
    cast(null as double) as estimated_variance,
    cast(null as double) as covariance,
    strata.mean_residual,
    strata.cell_variance,
    variances.squares / (strata.twins * strata.twins) as residual_variance,
from strata
inner join variances
    on {{ same_confidence_key("strata", "variances") }}
