-- The groups over which people take averages.
{{ config(materialized="view") }}

{%- for grouped_by in ["job_family", "job_function", "unit_group"] %}
select
    job_number,
    '{{ grouped_by }}' as grouped_by,
    {{ grouped_by }} as group_name,
from {{ ref("int_jobs") }}
where {{ grouped_by }} is not null
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
