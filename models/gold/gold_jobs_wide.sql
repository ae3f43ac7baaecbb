-- The columns are the catalogue's, so this model alone has no contract.
{%- set attributes = catalogue() %}
{%- set numbers = attributes | selectattr("is_number") | list %}
{%- set texts = attributes | rejectattr("is_number") | list %}
-- noqa: disable=layout.indent,structure.unused_cte

with jobs as (
    select * from {{ ref("int_jobs") }}
),

cells as (
    select
        resolved_cells.job_number,
        resolved_cells.attribute_number,
        candidate_values.value,
        candidate_values.value_number,
    from {{ ref("int_resolved_cells") }} as resolved_cells
    inner join {{ ref("int_candidate_values") }} as candidate_values
        on
            resolved_cells.precedence_rank = candidate_values.precedence_rank
            and resolved_cells.value_id = candidate_values.value_id
),
{%- if numbers %}

numbers as (
    {{ pivoted_cells(
        "cells", "value_number", numbers | map(attribute="attribute_number")
    ) }}
),
{%- endif %}
{%- if texts %}

texts as (
    {{ pivoted_cells("cells", "value", texts | map(attribute="attribute_number")) }}
),
{%- endif %}

wide as (
    select
        jobs.job_id,
        jobs.job_title,
        jobs.job_family,
        jobs.job_function,
        jobs.unit_group,
        {%- for attribute in attributes %}
        {{ "numbers" if attribute.is_number else "texts" }}."
            {{- attribute.attribute_number }}"
            {{- " = 'true'" if attribute.value_type == "boolean" }}
            as {{ adapter.quote(attribute.attribute_id) }},
        {%- endfor %}
    from jobs
    {%- if numbers %}
    left join numbers
        on jobs.job_number = numbers.job_number
    {%- endif %}
    {%- if texts %}
    left join texts
        on jobs.job_number = texts.job_number
    {%- endif %}
)

select * from wide
