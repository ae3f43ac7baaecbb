{# Fails on each row where the condition holds and one of the columns is empty, or
   where it does not hold and one of them is filled. #}
{% test filled_exactly_where(model, columns, condition) %}
select
    {{ columns | join(", ") }},
    {{ condition }} as must_be_filled,
from {{ model }}
where
    {%- for column in columns %}
    {% if not loop.first %}or {% endif -%}
    ({{ condition }}) is distinct from ({{ column }} is not null)
    {%- endfor %}
{% endtest %}
