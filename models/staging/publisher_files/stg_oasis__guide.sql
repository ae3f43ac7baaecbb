{{ config(enabled=is_from_oasis_files("attributes")) }}

with source as (
    {{- publisher_rows_of_table(source("oasis", "guide"), "oasis_guide") }}
),

renamed as (
    select
        trim(guide_code) as guide_code,
        {{ plain_text("descriptor_name") }} as descriptor_name,
        {{ plain_text("description") }} as description,
        source_file,
    from source
    where lower({{ plain_text("structure_type") }}) = 'descriptor'
    qualify
        row_number() over (
            partition by trim(guide_code)
            order by source_file, source_row
        ) = 1
)

select * from renamed
