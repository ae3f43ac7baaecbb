{{ config(enabled=is_from_oasis_files("attributes")) }}

with source as (
    select * from {{ source("oasis", "guide") }}
),

renamed as (
    select
        trim("Code") as guide_code,
        {{ plain_text('"Name"') }} as descriptor_name,
        {{ plain_text('"Description"') }} as description,
        source_file,
    from source
    where trim("Structure type") = 'Descriptor'
)

select * from renamed
