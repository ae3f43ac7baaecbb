-- Jobs that took their value from one source record are one piece of evidence;
-- the record goes by the number of its first job.
with known_values as (
    select * from {{ ref("int_known_values") }}
),

donor_sets as (
    select * from {{ ref("int_donor_sets") }}
    where attribute_id = first_attribute_id
),

jobs as (
    select * from {{ ref("int_numbered_jobs") }}
),

donors as (
    select
        donor_sets.donor_set,
        jobs.job_number,
        min(jobs.job_number) over (
            partition by donor_sets.donor_set, known_values.source_record
        ) as record_number,
    from donor_sets
    inner join known_values
        on donor_sets.attribute_id = known_values.attribute_id
    inner join jobs
        on known_values.job_id = jobs.job_id
)

select * from donors
