with source as (
    {{ input_rows("oasis_example_titles") }}
),

renamed as (
    select
        {{ oasis_profile_code("oasis_profile") }} as oasis_profile,
        example_title,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
