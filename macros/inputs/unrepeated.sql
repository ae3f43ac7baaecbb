{# CTEs that give a row of `checked` its problem: its fault, or else that an earlier
   row has its key already, so that of the usable rows of a key the first counts.
   `usable` is the condition, or the column, that says which rows a fault leaves
   usable; `repeated` is the problem's text
   where the key has several columns. Ends in unrepeated. #}
{% macro unrepeated(checked, key, repeated=none, usable="fault is null") -%}
numbered as (
    select
        *,
        row_number() over (
            partition by {{ key | join(", ") }}, {{ usable }}
            order by source_file, source_row
        ) as occurrence,
    from {{ checked }}
),

unrepeated as (
    select
        *,
        case
            when not ({{ usable }}) then fault
            when occurrence > 1
                {%- if repeated %}
                then '{{ repeated }}'
                {%- else %}
                then '{{ key[0] }}: ''' || {{ key[0] }} || ''' stands in an '
                    || 'earlier row already; remove one of the two'
                {%- endif %}
            else fault
        end as problem,
    from numbered
)
{%- endmacro %}
