{{ config(enabled=input_is_from("noc_onet_crosswalk", "files")) }}

with source as (
    {{ numbered_rows(source("noc", "noc_onet_crosswalk")) }}
),

renamed as (
    select
        trim("noc") as unit_group,
        trim("onet") as onet_soc_code,
        {{ plain_text('"onet_title"') }} as onet_title,
        source_file,
        source_row,
    from source
)

select * from renamed
