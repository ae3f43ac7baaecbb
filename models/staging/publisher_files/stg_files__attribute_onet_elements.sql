-- What the project knows of OaSIS's attributes, as far as the catalogue has them.
{{ config(enabled=input_is_from("attribute_onet_elements", "files")) }}

with source as (
    select
        *,
        row_number() over () + 1 as source_row,
    from {{ ref("oasis_attribute_onet_elements") }}
),

catalogue as (
    select attribute_id from {{ ref("stg_attributes") }}
),

renamed as (
    select
        attribute_id,
        element_id,
        scale_id,
        basis,
        reason,
        'seeds/reference/oasis_attribute_onet_elements.csv' as source_file,
        source_row,
    from source
    where attribute_id in (select catalogue.attribute_id from catalogue)
)

select * from renamed
