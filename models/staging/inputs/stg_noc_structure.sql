with source as (
    {{ input_rows("noc_structure") }}
),

renamed as (
    select
        noc_code,
        cast({{ to_number("noc_level") }} as integer) as noc_level,
        class_title,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
