-- What the several profiles of a unit group say together: the mean of numbers,
-- the most frequent of other values (the first in the alphabet of equals).
with profile_values as (
    select
        scope_code as oasis_profile,
        left(scope_code, 5) as unit_group,
        attribute_id,
        value_type,
        value,
        value_number,
        dataset,
        dataset_release,
    from {{ ref("int_authoritative_values_checked") }}
    where is_usable and scope_level = 'oasis_profile'
),

means as (
    select
        unit_group,
        attribute_id,
        dataset,
        dataset_release,
        round(avg(value_number), 2) as value_number,
        {{ dbt.listagg(
            "oasis_profile", "', '", "order by oasis_profile"
        ) }} as profiles,
        count(*) as profile_count,
    from profile_values
    where value_type in ('rating', 'number')
    group by unit_group, attribute_id, dataset, dataset_release
),

votes as (
    select
        unit_group,
        attribute_id,
        dataset,
        dataset_release,
        value,
        count(*) as profile_count,
        {{ dbt.listagg(
            "oasis_profile", "', '", "order by oasis_profile"
        ) }} as profiles,
        row_number() over (
            partition by unit_group, attribute_id, dataset, dataset_release
            order by count(*) desc, value
        ) as vote_rank,
    from profile_values
    where value_type not in ('rating', 'number')
    group by unit_group, attribute_id, dataset, dataset_release, value
),

together as (
    select
        unit_group,
        attribute_id,
        {{ number_text("value_number") }} as value,
        value_number,
        dataset,
        dataset_release,
        'mean of OaSIS profiles ' || profiles as source_record,
    from means
    where profile_count > 1
    union all
    select
        unit_group,
        attribute_id,
        value,
        cast(null as double) as value_number,
        dataset,
        dataset_release,
        'most frequent, in OaSIS profiles ' || profiles as source_record,
    from votes
    where vote_rank = 1
)

select * from together
