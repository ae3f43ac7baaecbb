with known_values as (
    select * from {{ ref("int_known_values") }}
),

donor_sets as (
    select distinct donor_set from {{ ref("int_donor_sets") }}
),

jobs as (
    select * from {{ ref("int_jobs") }}
),

donors as (
    select
        donor_sets.donor_set,
        known_values.job_id,
        known_values.source_record,
        jobs.unit_group,
        left(jobs.unit_group, 4) as minor_group,
        jobs.job_family,
        jobs.job_function,
    from donor_sets
    inner join known_values
        on donor_sets.donor_set = known_values.attribute_id
    inner join jobs
        on known_values.job_id = jobs.job_id
)

select * from donors
