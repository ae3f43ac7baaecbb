-- The columns are the catalogue's, so this model alone has no contract.
{%- set attributes = catalogue() %}
-- noqa: disable=layout.indent

with gold as (
    select * from {{ ref("gold_job_attributes") }}
),

jobs as (
    select * from {{ ref("int_jobs") }}
),

wide as (
    select
        jobs.job_id,
        jobs.job_title,
        jobs.job_family,
        jobs.job_function,
        jobs.unit_group,
        {%- for attribute in attributes %}
        max(
            case
                when gold.attribute_id = '{{ attribute.attribute_id }}'
                    then gold.{{ attribute.value_column }}
            end
        ) as {{ adapter.quote(attribute.attribute_id) }},
        {%- endfor %}
    from jobs
    left join gold
        on jobs.job_id = gold.job_id
    group by
        jobs.job_id,
        jobs.job_title,
        jobs.job_family,
        jobs.job_function,
        jobs.unit_group
)

select * from wide
