with given as (
    select
        scope_level,
        scope_code,
        attribute_id,
        case
            when value_type in ('rating', 'number')
                then {{ number_text("value_number") }}
            when value_type = 'boolean' then lower(value)
            else value
        end as value,
        case
            when value_type in ('rating', 'number') then value_number
        end as value_number,
        dataset,
        dataset_release,
        case scope_level
            when 'job' then 'job '
            when 'oasis_profile' then 'OaSIS profile '
            else 'NOC '
                || replace(replace(scope_level, 'sub_', 'sub-'), '_', ' ') || ' '
        end || scope_code as source_record,
    from {{ ref("int_authoritative_values_checked") }}
    where is_usable
),

together as (
    select
        'unit_group_profiles' as scope_level,
        unit_group as scope_code,
        attribute_id,
        value,
        value_number,
        dataset,
        dataset_release,
        source_record,
    from {{ ref("int_unit_group_profile_values") }}
),

scope_values as (
    select * from given
    union all
    select * from together
)

select * from scope_values
