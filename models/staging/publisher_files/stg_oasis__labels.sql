{{ config(enabled=input_is_from("oasis_profiles", "files")) }}

with source as (
    {{- publisher_rows_of_table(source("oasis", "labels"), "oasis_profiles") }}
),

renamed as (
    select
        {{ oasis_profile_code("oasis_profile") }} as oasis_profile,
        {{ plain_text("profile_label") }} as profile_label,
        source_file,
        source_row,
    from source
)

select * from renamed
