with source as (
    {{ input_rows("oasis_profiles") }}
),

renamed as (
    select
        {{ oasis_profile_code("oasis_profile") }} as oasis_profile,
        profile_label,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
