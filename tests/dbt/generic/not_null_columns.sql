{# Fails on each row with a null in one of the columns: dbt's not_null of several in one pass. #}
{% test not_null_columns(model, columns) %}
select {{ columns | join(", ") }},
from {{ model }}
where
    {{ columns | join(" is null\n    or ") }} is null
{% endtest %}
