{{ config(enabled=input_is_from("oasis_profiles", "files")) }}

with source as (
    {{ numbered_rows(source("oasis", "labels")) }}
),

renamed as (
    select
        {{ oasis_profile_code('"OaSIS profile code"') }} as oasis_profile,
        {{ plain_text('"Label"') }} as profile_label,
        source_file,
        source_row,
    from source
)

select * from renamed
