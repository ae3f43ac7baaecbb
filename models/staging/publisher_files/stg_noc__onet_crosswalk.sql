{{ config(enabled=input_is_from("noc_onet_crosswalk", "files")) }}

with source as (
    {{- publisher_rows_of_table(
        source("noc", "noc_onet_crosswalk"), "noc_onet_crosswalk"
    ) }}
),

renamed as (
    select
        trim(unit_group) as unit_group,
        trim(onet_soc_code) as onet_soc_code,
        {{ plain_text("onet_title") }} as onet_title,
        source_file,
        source_row,
    from source
)

select * from renamed
