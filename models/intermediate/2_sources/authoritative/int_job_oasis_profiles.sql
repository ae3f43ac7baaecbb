-- The profile is looked for inside the job's unit group only: a title alone
-- never decides an occupation. Two equally good matches are no match.
with jobs as (
    select
        job_id,
        unit_group,
        {{ normal_title("job_title") }} as normal_title,
    from {{ ref("int_jobs") }}
    where unit_group is not null
),

profiles as (
    select
        oasis_profile,
        unit_group,
        count(*) over (partition by unit_group) as profiles_in_group,
        {{ normal_title("profile_label") }} as normal_title,
    from {{ ref("int_oasis_profiles_checked") }}
    where is_usable
),

example_titles as (
    select distinct
        oasis_profile,
        left(oasis_profile, 5) as unit_group,
        {{ normal_title("example_title") }} as normal_title,
    from {{ ref("int_oasis_example_titles_checked") }}
    where is_usable
),

sole_profiles as (
    select
        jobs.job_id,
        profiles.oasis_profile,
        'sole_profile' as matched_by,
    from jobs
    inner join profiles
        on
            jobs.unit_group = profiles.unit_group
            and profiles.profiles_in_group = 1
),

label_matches as (
    select
        jobs.job_id,
        min(profiles.oasis_profile) as oasis_profile,
        'label' as matched_by,
    from jobs
    inner join profiles
        on
            jobs.unit_group = profiles.unit_group
            and jobs.normal_title = profiles.normal_title
            and profiles.profiles_in_group > 1
    group by jobs.job_id
    having count(*) = 1
),

title_matches as (
    select
        jobs.job_id,
        min(example_titles.oasis_profile) as oasis_profile,
        'example_title' as matched_by,
    from jobs
    inner join example_titles
        on
            jobs.unit_group = example_titles.unit_group
            and jobs.normal_title = example_titles.normal_title
    left join sole_profiles
        on jobs.job_id = sole_profiles.job_id
    left join label_matches
        on jobs.job_id = label_matches.job_id
    where sole_profiles.job_id is null and label_matches.job_id is null
    group by jobs.job_id
    having count(*) = 1
),

matches as (
    select * from sole_profiles
    union all
    select * from label_matches
    union all
    select * from title_matches
)

select * from matches
