with authoritative_values as (
    select * from {{ ref("stg_authoritative_values") }}
),

attributes as (
    select
        attribute_id as known_attribute_id,
        value_type,
        scale_minimum,
        scale_maximum,
        allowed_values,
    from {{ ref("int_attributes") }}
),

scopes as (
    select * from {{ ref("int_scopes") }}
),

checked as (
    select
        authoritative_values.*,
        value_type,
        case
            when record_problem is not null then record_problem
            when known_attribute_id is null
                then 'attribute_id: ''' || coalesce(attribute_id, '') || ''' is '
                    || 'not in the attribute catalogue; add it or correct the id'
            when known_scope_level is null
                then 'scope_code: ''' || coalesce(scope_code_text, '') || ''' is no '
                    || 'known ' || coalesce(scope_level, 'scope_level (it is empty)')
            when value is null
                then 'value: is empty; give a value or remove the row'
            when dataset is null
                then 'dataset: is empty; say where the value comes from'
            when {{ value_problem("value", "value_number") }} is not null
                then 'value: ' || {{ value_problem("value", "value_number") }}
        end as fault,
    from authoritative_values
    left join attributes
        on authoritative_values.attribute_id = attributes.known_attribute_id
    left join scopes
        on
            authoritative_values.scope_level = scopes.known_scope_level
            and authoritative_values.scope_code = scopes.known_scope_code
),

{{ unrepeated(
    "checked",
    ["dataset", "dataset_release", "scope_level", "scope_code", "attribute_id"],
    repeated="scope_code: the same dataset, release, scope and attribute stand in an "
    ~ "earlier row already; remove one of the two",
) }}

select
    *,
    problem is null as is_usable,
from unrepeated
