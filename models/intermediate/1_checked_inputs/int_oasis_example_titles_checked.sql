with example_titles as (
    select * from {{ ref("stg_oasis_example_titles") }}
),

oasis_profiles as (
    select oasis_profile as known_profile
    from {{ ref("int_oasis_profiles_checked") }}
    where is_usable
),

checked as (
    select
        example_titles.*,
        case
            when record_problem is not null then record_problem
            when example_title is null
                then 'example_title: is empty; give the title or remove the row'
            when known_profile is null
                then 'oasis_profile: ''' || coalesce(oasis_profile, '')
                    || ''' is no known OaSIS profile; correct the code'
        end as problem,
    from example_titles
    left join oasis_profiles
        on example_titles.oasis_profile = oasis_profiles.known_profile
)

select
    *,
    problem is null as is_usable,
from checked
