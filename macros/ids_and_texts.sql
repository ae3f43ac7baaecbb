{# A step of the cascade with the texts of its ids beside them, for people: job_id,
   attribute_id, and where `texts` names what the value ids stand for, the source's and
   the value's. For a view, since the step itself travels by ids. #}
{% macro readable(step, texts=none) -%}
select
    jobs.job_id,
    attributes.attribute_id,
    {%- if texts %}
    texts.source_type,
    texts.value,
    texts.confidence,
    texts.dataset,
    texts.dataset_release,
    texts.source_record,
    {%- endif %}
    step.*,
from {{ ref(step) }} as step
inner join {{ ref("int_jobs") }} as jobs
    on step.job_number = jobs.job_number
inner join {{ ref("int_attributes") }} as attributes
    on step.attribute_number = attributes.attribute_number
{%- if texts %}
inner join {{ ref(texts) }} as texts
    on
        step.precedence_rank = texts.precedence_rank
        and step.value_id = texts.value_id
{%- endif %}
{%- endmacro %}

{# The way back, for tests: rows of gold with the numbers of their job and attribute,
   null where the grid has no such one. Groups and joins over numbers cost a part of
   those over texts. #}
{% macro numbered_cells(gold) -%}
select
    jobs.job_number,
    attributes.attribute_number,
    gold.*,
from {{ gold }} as gold
left join {{ ref("int_jobs") }} as jobs
    on gold.job_id = jobs.job_id
left join {{ ref("int_attributes") }} as attributes
    on gold.attribute_id = attributes.attribute_id
{%- endmacro %}
