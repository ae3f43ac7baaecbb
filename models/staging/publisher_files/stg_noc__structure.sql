{{ config(enabled=input_is_from("noc_structure", "files")) }}

with source as (
    {{- publisher_rows_of_table(source("noc", "noc_structure"), "noc_structure") }}
),

renamed as (
    select
        trim(noc_code) as noc_code,
        trim(noc_level) as noc_level,
        {{ plain_text("class_title") }} as class_title,
        source_file,
        source_row,
    from source
)

select * from renamed
