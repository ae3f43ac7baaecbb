{# Fails on each key that stands in more than one row, and on each with a null in
   a column that is not in `may_be_null`. #}
{% test unique_combination(model, columns, may_be_null=[]) %}
select
    {{ columns | join(", ") }},
    count(*) as rows_with_key,
from {{ model }}
group by {{ columns | join(", ") }}
having
    count(*) > 1
    {%- for column in columns if column not in may_be_null %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}
