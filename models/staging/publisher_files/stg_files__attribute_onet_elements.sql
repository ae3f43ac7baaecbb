{{ config(enabled=input_is_from("attribute_onet_elements", "files")) }}

with source as (
    select * from {{ ref("oasis_attribute_onet_elements") }}
),

renamed as (
    select
        attribute_id,
        element_id,
        scale_id,
        basis,
        reason,
        'seeds/reference/oasis_attribute_onet_elements.csv' as source_file,
        row_number() over () + 1 as source_row,
    from source
)

select * from renamed
