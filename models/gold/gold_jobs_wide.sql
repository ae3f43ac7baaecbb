-- The columns are the catalogue's, so this model alone has no contract. A job's cells
-- are one list in the catalogue's order, of which each column takes its place.
{%- set attributes = catalogue() %}
{%- set all_attributes = attributes | length %}
-- noqa: disable=layout.indent

with jobs as (
    select * from {{ ref("int_jobs") }}
),

candidate_values as (
    select * from {{ ref("int_candidate_values") }}
),

all_cells as (
    select
        resolved_cells.job_number,
        resolved_cells.attribute_number,
        candidate_values.value,
        candidate_values.value_number,
    from {{ ref("int_resolved_cells") }} as resolved_cells
    inner join candidate_values
        on
            resolved_cells.precedence_rank = candidate_values.precedence_rank
            and resolved_cells.value_id = candidate_values.value_id
    union all
    select
        job_number,
        attribute_number,
        null as value,
        null as value_number,
    from {{ ref("int_unfilled_cells") }}
),

listed as (
    select
        job_number,
        {{ list_agg("value_number", "attribute_number") }} as numbers,
        {{ list_agg("value", "attribute_number") }} as texts,
    from all_cells
    group by job_number
),

wide as (
    select
        jobs.job_id,
        jobs.job_title,
        jobs.job_family,
        jobs.job_function,
        jobs.unit_group,
        {%- for attribute in attributes %}
        {{ item_of(
            "numbers" if attribute.is_number else "texts",
            attribute.attribute_number,
            all_attributes,
        ) }}
            {{- " = 'true'" if attribute.value_type == "boolean" }}
            as {{ adapter.quote(attribute.attribute_id) }},
        {%- endfor %}
    from jobs
    left join listed
        on jobs.job_number = listed.job_number
)

select * from wide
