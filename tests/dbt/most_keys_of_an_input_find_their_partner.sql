-- Warns of an input that points past another: such a source fills nothing, in
-- silence, and what it should fill is asked of the model. The demo where it stands in
-- for an input of the user's own is no such.
{{ config(severity="warn") }}

select * from {{ ref("int_input_keys") }}
where
    share_without_partner > 0.5
    and input not in (
        'none'
        {%- for input in input_contract() if demo_stands_in(input) -%}
        , '{{ input }}'
        {%- endfor -%}
    )
