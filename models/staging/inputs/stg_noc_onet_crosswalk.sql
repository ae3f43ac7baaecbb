with source as (
    {{ input_rows("noc_onet_crosswalk") }}
),

renamed as (
    select
        {{ noc_code("unit_group", 5) }} as unit_group,
        unit_group as unit_group_text,
        {{ onet_soc_code("onet_soc_code") }} as onet_soc_code,
        onet_title,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
