-- One row per scope that an authoritative value may be given for.
with jobs as (
    select
        'job' as known_scope_level,
        job_id as known_scope_code,
    from {{ ref("int_jobs") }}
),

oasis_profiles as (
    select
        'oasis_profile' as known_scope_level,
        oasis_profile as known_scope_code,
    from {{ ref("int_oasis_profiles_checked") }}
    where is_usable
),

noc_classes as (
    select
        case noc_level
            when 1 then 'broad_category'
            when 2 then 'major_group'
            when 3 then 'sub_major_group'
            when 4 then 'minor_group'
            when 5 then 'unit_group'
        end as known_scope_level,
        noc_code as known_scope_code,
    from {{ ref("int_noc_structure_checked") }}
    where is_usable
),

scopes as (
    select * from jobs
    union all
    select * from oasis_profiles
    union all
    select * from noc_classes
)

select * from scopes
