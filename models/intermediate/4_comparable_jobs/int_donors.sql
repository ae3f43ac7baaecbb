-- Jobs that took their value from one source record are one piece of evidence;
-- the record goes by the number of its first job.
with known_values as (
    select * from {{ ref("int_known_values") }}
),

donor_sets as (
    select * from {{ ref("int_donor_sets") }}
    where attribute_number = first_attribute_number
),

source_records as (
    select * from {{ ref("int_source_records") }}
),

donors as (
    select
        donor_sets.donor_set,
        known_values.job_number,
        source_records.source_type,
        source_records.is_own,
        min(known_values.job_number) over (
            partition by
                donor_sets.donor_set, source_records.source_record_number
        ) as record_number,
    from donor_sets
    inner join known_values
        on donor_sets.attribute_number = known_values.attribute_number
    inner join source_records
        on
            known_values.precedence_rank = source_records.precedence_rank
            and known_values.value_id = source_records.value_id
)

select * from donors
