with source as (
    {{ input_rows("authoritative_values") }}
),

renamed as (
    select
        lower(scope_level) as scope_level,
        case lower(scope_level)
            when 'oasis_profile' then {{ oasis_profile_code("scope_code") }}
            when 'unit_group' then {{ noc_code("scope_code", 5) }}
            when 'minor_group' then {{ noc_code("scope_code", 4) }}
            when 'sub_major_group' then {{ noc_code("scope_code", 3) }}
            when 'major_group' then {{ noc_code("scope_code", 2) }}
            else scope_code
        end as scope_code,
        scope_code as scope_code_text,
        attribute_id,
        value,
        {{ to_number("value") }} as value_number,
        dataset,
        dataset_release,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
