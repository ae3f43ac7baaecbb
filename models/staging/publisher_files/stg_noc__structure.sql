{{ config(enabled=input_is_from("noc_structure", "files")) }}

with source as (
    {{ numbered_rows(source("noc", "noc_structure")) }}
),

renamed as (
    select
        trim("Code - NOC 2021 V1.0") as noc_code,
        trim("Level") as noc_level,
        {{ plain_text('"Class title"') }} as class_title,
        source_file,
        source_row,
    from source
)

select * from renamed
