{{ config(enabled=input_is_from("oasis_example_titles", "files")) }}

with source as (
    {{ numbered_rows(source("oasis", "example-titles")) }}
),

renamed as (
    select
        {{ oasis_profile_code('"OaSIS profile code"') }} as oasis_profile,
        {{ plain_text('"Job title text"') }} as example_title,
        source_file,
        source_row,
    from source
)

select * from renamed
