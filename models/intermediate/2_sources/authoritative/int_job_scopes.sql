-- A sole profile stands for its whole unit group, whatever the job's title.
with jobs as (
    select * from {{ ref("int_jobs") }}
),

matches as (
    select * from {{ ref("int_job_oasis_profiles") }}
),

own_scopes as (
    select
        job_number,
        'job' as scope_level,
        job_id as scope_code,
        'job' as inheritance_level,
    from jobs
),

profile_scopes as (
    select
        jobs.job_number,
        'oasis_profile' as scope_level,
        matches.oasis_profile as scope_code,
        case
            when matches.matched_by = 'sole_profile' then 'unit_group'
            else 'oasis_profile'
        end as inheritance_level,
    from matches
    inner join jobs
        on matches.job_id = jobs.job_id
),

unmatched_scopes as (
    select
        jobs.job_number,
        'unit_group_profiles' as scope_level,
        jobs.unit_group as scope_code,
        'unit_group_profiles' as inheritance_level,
    from jobs
    left join matches
        on jobs.job_id = matches.job_id
    where jobs.unit_group is not null and matches.job_id is null
),

{%- set noc_levels = {
    "unit_group": 5, "minor_group": 4, "sub_major_group": 3, "major_group": 2,
    "broad_category": 1,
} %}

class_scopes as (
    {%- for level, digits in noc_levels.items() %}
    select
        job_number,
        '{{ level }}' as scope_level,
        left(unit_group, {{ digits }}) as scope_code,
        '{{ level }}' as inheritance_level,
    from jobs
    where unit_group is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

scopes as (
    select * from own_scopes
    union all
    select * from profile_scopes
    union all
    select * from unmatched_scopes
    union all
    select * from class_scopes
)

select * from scopes
