{# Fails on each key that stands in more than one row, and on each with a null in
   a column that is not in `may_be_null`. `by_number`: the table is one of gold's, and
   its cells are grouped by the numbers of job and attribute, which costs less. #}
{% test unique_combination(model, columns, may_be_null=[], by_number=false) %}
{%- set keys = columns %}
{%- if by_number %}
    {%- set keys = ["job_number", "attribute_number"] + (
        columns | reject("in", ["job_id", "attribute_id"]) | list
    ) %}
{%- endif %}
with given as (
    {{ numbered_cells(model) if by_number else "select * from " ~ model }}
)

select
    {{ keys | join(", ") }},
    count(*) as rows_with_key,
from given
group by {{ keys | join(", ") }}
having
    count(*) > 1
    {%- for column in keys if column not in may_be_null %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}
