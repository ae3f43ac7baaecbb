-- Attributes are packed in the catalogue's order, not by who misses them, so
-- that every request of a pack begins with the same bytes.
with attributes as (
    select
        *,
        row_number() over (
            partition by domain
            order by attribute_number
        ) as domain_position,
    from {{ ref("int_attributes") }}
),

packs as (
    select
        domain || ' ' || cast(
            ceil(domain_position / {{ var("llm_attributes_per_call") }}) as integer
        ) as pack_id,
        domain,
        cast(
            (domain_position - 1) % {{ var("llm_attributes_per_call") }} + 1
            as integer
        ) as pack_position,
        attribute_number,
        attribute_id,
        attribute_name,
        description,
        value_type,
        scale_minimum,
        scale_maximum,
        allowed_values,
        unit,
    from attributes
)

select * from packs
