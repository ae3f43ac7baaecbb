-- A job whose unit group is unknown stays in the grid, without a unit group.
{{ config(post_hook="{{ stop_without_usable_rows('jobs', this) }}") }}

with jobs as (
    select * from {{ ref("stg_jobs") }}
),

unit_groups as (
    select noc_code from {{ ref("int_noc_structure_checked") }}
    where is_usable and noc_level = 5
),

checked as (
    select
        jobs.*,
        case
            when record_problem is not null then record_problem
            when job_id is null then 'job_id: is empty; give every job an id'
            when job_title is null
                then 'job_title: is empty; give the job its title'
            when unit_group is not null and unit_groups.noc_code is null
                then {{ no_unit_group("unit_group_text") }}
                    || '; the job was taken without one: correct it'
            when weight_text is not null and coalesce(weight, 0) <= 0
                then 'weight: ''' || weight_text || ''' is no number above 0; the '
                    || 'job was taken with weight 1: correct it'
        end as fault,
        unit_groups.noc_code is not null as has_known_unit_group,
        record_problem is null and job_id is not null and job_title is not null
            as is_sound,
    from jobs
    left join unit_groups
        on jobs.unit_group = unit_groups.noc_code
),

{{ unrepeated("checked", ["job_id"], usable="is_sound") }}

select
    *,
    is_sound and occurrence = 1 as is_usable,
from unrepeated
