{{ config(enabled=input_is_from("oasis_example_titles", "files")) }}

with source as (
    {{- publisher_rows_of_table(
        source("oasis", "example_titles"), "oasis_example_titles"
    ) }}
),

renamed as (
    select
        {{ oasis_profile_code("oasis_profile") }} as oasis_profile,
        {{ plain_text("example_title") }} as example_title,
        source_file,
        source_row,
    from source
)

select * from renamed
