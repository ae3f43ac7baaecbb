-- What people say of the model's answers to cells that are really missing. Cells that
-- were first in the queue were chosen for being in doubt, so that each way to be drawn has
-- rows of its own; together they count by how many cells each stands for.
{%- set key = ["drawn", "domain", "value_type", "model_used", "prompt_version"] %}
{%- set columns = key | join(", ") %}
with reviewed as (
    select
        reviewed_cells.job_number,
        decisions.drawn,
        decisions.weight,
        attributes.domain,
        attributes.value_type,
        llm_values.model_used,
        llm_values.prompt_version,
        {{ text_number("decisions.job_id") }} as job_hash,
        {{ to_number("decisions.shown_value") }} - decisions.value_number as error,
        reviewed_cells.value = decisions.shown_value as is_exact,
        {{ is_right(
            "decisions.shown_value", to_number("decisions.shown_value"),
            "decisions.value", "decisions.value_number", "attributes.tolerance",
        ) }} as is_right,
    from {{ ref("int_reviewed_cells") }} as reviewed_cells
    inner join {{ ref("int_review_decisions") }} as decisions
        on
            reviewed_cells.job_number = decisions.job_number
            and reviewed_cells.attribute_number = decisions.attribute_number
            and reviewed_cells.reviewed_by = decisions.reviewer
            and reviewed_cells.reviewed_at = decisions.decided_at
            and reviewed_cells.value = decisions.value
    inner join {{ ref("int_llm_values") }} as llm_values
        on
            reviewed_cells.job_number = llm_values.job_number
            and reviewed_cells.attribute_number = llm_values.attribute_number
            and decisions.shown_value = llm_values.value
    inner join {{ ref("int_attributes") }} as attributes
        on reviewed_cells.attribute_number = attributes.attribute_number
    where
        decisions.shown_source = 'LLM'
        and not decisions.is_withdrawn
        and decisions.problem is null
),

-- A whole needs its random part: without one nothing stands for the cells that nobody saw.
with_random_part as (
    select distinct model_used, prompt_version
    from reviewed
    where drawn = 'random'
),

drawn_apart as (
    select
        * replace (1.0 as weight),
    from reviewed
    union all
    select
        reviewed.* replace ('all' as drawn),
    from reviewed
    inner join with_random_part
        on
            reviewed.model_used is not distinct from with_random_part.model_used
            and reviewed.prompt_version = with_random_part.prompt_version
    where reviewed.drawn in ('risk', 'random')
),

resamples as (
    select 0 as resample
    union all
    select {{ unnest_range(1000) }} as resample
),

resampled as (
    select
        drawn_apart.*,
        resamples.resample,
        drawn_apart.weight * case
            when resamples.resample = 0 then 1
            else {{ poisson_draw("drawn_apart.job_hash", "resamples.resample") }}
        end as counted,
    from drawn_apart
    cross join resamples
),

figures as (
    select
        {{ columns }},
        resample,
        count(*) as cells,
        count(distinct job_number) as jobs,
        sum(abs(error) * counted) / nullif(sum(counted), 0) as mae,
        sum(error * counted) / nullif(sum(counted), 0) as bias,
        sum(case when is_right then counted else 0 end) / nullif(sum(counted), 0)
            as right_share,
    from resampled
    group by {{ columns }}, resample
),

intervals as (
    select
        {{ columns }},
        {%- for figure in ["mae", "bias", "right_share"] %}
        {{ quantile(figure, 0.025) }} as {{ figure }}_low,
        {{ quantile(figure, 0.975) }} as {{ figure }}_high,
        {%- endfor %}
    from figures
    where resample > 0
    group by {{ columns }}
)

select
    {%- for column in key %}
    figures.{{ column }},
    {%- endfor %}
    cast(figures.cells as integer) as cells,
    cast(figures.jobs as integer) as jobs,
    figures.cells < 30 as is_thin,
    {%- for figure in ["mae", "bias", "right_share"] %}
    round(cast(figures.{{ figure }} as double), 6) as {{ figure }},
    round(cast(intervals.{{ figure }}_low as double), 6) as {{ figure }}_low,
    round(cast(intervals.{{ figure }}_high as double), 6) as {{ figure }}_high,
    {%- endfor %}
from figures
inner join intervals
    on
        {%- for column in key %}
        figures.{{ column }} is not distinct from intervals.{{ column }}
        {{- " and" if not loop.last }}
        {%- endfor %}
where figures.resample = 0
