-- The interval is the wider one of two readings: of these very jobs, where what is known
-- has no variance, and of such jobs, of which they are a sample.
{%- set group = ["grouped_by", "group_name", "attribute_number"] %}
with estimates as (
    select
        {{ group | join(", ") }},
        sum(cells) as imputed_cells,
        sum(cells * mean) as imputed_sum,
        sum(twins) as twins,
        min(twins) as fewest_twins,
        min(twins_of) as twins_of,
        min(power) as power,
        case when count(*) = count(estimate) then sum(cells * estimate) end
            as corrected_sum,
        sum(cells * cells * estimate_variance) as corrected_variance,
        sum(cells * cells * finite_variance) as finite_variance,
    from {{ ref("int_group_estimates") }}
    group by {{ group | join(", ") }}
),

source_precedence as (
    select precedence_rank from {{ ref("stg_source_precedence") }}
    where source_type <> 'LLM'
),

known as (
    select
        estimates.grouped_by,
        estimates.group_name,
        estimates.attribute_number,
        count(*) as known_cells,
        sum(source_values.value_number) as known_sum,
        var_pop(source_values.value_number) * count(*) as known_variance,
    from {{ ref("int_resolved_cells") }} as resolved_cells
    inner join source_precedence
        on resolved_cells.precedence_rank = source_precedence.precedence_rank
    inner join {{ ref("int_reporting_groups") }} as groups
        on resolved_cells.job_number = groups.job_number
    inner join estimates
        on
            groups.grouped_by = estimates.grouped_by
            and groups.group_name = estimates.group_name
            and resolved_cells.attribute_number = estimates.attribute_number
    inner join {{ ref("int_source_values") }} as source_values
        on
            resolved_cells.precedence_rank = source_values.precedence_rank
            and resolved_cells.value_id = source_values.value_id
    group by
        estimates.grouped_by,
        estimates.group_name,
        estimates.attribute_number
),

attributes as (
    select
        attribute_number,
        attribute_id,
        attribute_name,
        domain,
    from {{ ref("int_attributes") }}
),

all_cells as (
    select
        estimates.*,
        coalesce(known.known_cells, 0) as known_cells,
        coalesce(known.known_sum, 0) as known_sum,
        coalesce(known.known_variance, 0) as known_variance,
        estimates.imputed_cells + coalesce(known.known_cells, 0) as cells,
    from estimates
    left join known
        on
            estimates.grouped_by = known.grouped_by
            and estimates.group_name = known.group_name
            and estimates.attribute_number = known.attribute_number
),

means as (
    select
        *,
        (known_sum + corrected_sum) / cells as estimate,
        1.959964 * sqrt(
            greatest(known_variance + corrected_variance, finite_variance)
        ) / cells as half_width,
    from all_cells
)

select
    means.grouped_by,
    means.group_name,
    attributes.attribute_id,
    attributes.attribute_name,
    attributes.domain,
    cast(means.known_cells as integer) as known_cells,
    cast(means.imputed_cells as integer) as imputed_cells,
    round((means.known_sum + means.imputed_sum) / means.cells, 6) as mean,
    round(means.known_sum / nullif(means.known_cells, 0), 6) as known_mean,
    round(means.imputed_sum / means.imputed_cells, 6) as imputed_mean,
    round(means.corrected_sum / means.imputed_cells, 6) as corrected_imputed_mean,
    round(means.estimate, 6) as estimate,
    round(means.estimate - means.half_width, 6) as estimate_low,
    round(means.estimate + means.half_width, 6) as estimate_high,
    cast(means.twins as integer) as twins,
    means.twins_of,
    round(means.power, 6) as power,
    case
        when means.estimate is not null then 'measured'
        when means.fewest_twins > 0 then 'too_few_twins'
        else 'no_twin'
    end as measurement,
from means
inner join attributes
    on means.attribute_number = attributes.attribute_number
