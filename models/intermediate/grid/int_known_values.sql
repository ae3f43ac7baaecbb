-- What the sources say of a cell before any model is asked.
with authoritative_values as (
    select * from {{ ref("int_authoritative_values") }}
    where scope_rank = 1
),

onet_values as (
    select * from {{ ref("int_onet_values") }} as onet_values
    where not exists (
        select 1 from authoritative_values
        where
            authoritative_values.job_id = onet_values.job_id
            and authoritative_values.attribute_id = onet_values.attribute_id
    )
),

known_values as (
    select
        job_id,
        attribute_id,
        value,
        value_number,
        'AUTHORITATIVE' as source_type,
        source_record,
    from authoritative_values
    union all
    select
        job_id,
        attribute_id,
        value,
        value_number,
        'ONET' as source_type,
        source_record,
    from onet_values
)

select * from known_values
