-- What the several profiles of a unit group say together: the mean of numbers,
-- the most frequent of other values (the first in the alphabet of equals).
with profile_values as (
    select
        scope_code as oasis_profile,
        left(scope_code, 5) as unit_group,
        attribute_id,
        value_type in ('rating', 'number') as is_number,
        case
            when value_type = 'boolean' then lower(value)
            else value
        end as value,
        value_number,
        dataset,
        dataset_release,
    from {{ ref("int_authoritative_values_checked") }}
    where is_usable and scope_level = 'oasis_profile'
),

profile_groups as (
    select
        unit_group,
        attribute_id,
        is_number,
        dataset,
        dataset_release,
        round(
            {{ ordered_mean("value_number", "oasis_profile") }}, 2
        ) as mean_value,
        {{ dbt.listagg(
            "oasis_profile", "', '", "order by oasis_profile"
        ) }} as profiles,
    from profile_values
    group by unit_group, attribute_id, is_number, dataset, dataset_release
    having count(*) > 1
),

votes as (
    select
        unit_group,
        attribute_id,
        dataset,
        dataset_release,
        value,
        row_number() over (
            partition by unit_group, attribute_id, dataset, dataset_release
            order by count(*) desc, value
        ) as vote_rank,
    from profile_values
    group by unit_group, attribute_id, dataset, dataset_release, value
),

together as (
    select
        profile_groups.unit_group,
        profile_groups.attribute_id,
        case
            when is_number then {{ number_text("mean_value") }}
            else votes.value
        end as value,
        case when is_number then mean_value end as value_number,
        profile_groups.dataset,
        profile_groups.dataset_release,
        case
            when is_number then 'mean of OaSIS profiles '
            else 'most frequent of OaSIS profiles '
        end || profile_groups.profiles as source_record,
    from profile_groups
    inner join votes
        on
            profile_groups.unit_group = votes.unit_group
            and profile_groups.attribute_id = votes.attribute_id
            and profile_groups.dataset = votes.dataset
            and profile_groups.dataset_release
            is not distinct from votes.dataset_release
            and votes.vote_rank = 1
)

select * from together
