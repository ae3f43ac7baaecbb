-- The first donors of each group, one per source record.
with donors as (
    select * from {{ ref("int_donors") }}
),

job_groups as (
    select * from {{ ref("int_job_groups") }}
),

group_records as (
    select
        donors.donor_set,
        job_groups.relation_rank,
        job_groups.group_key,
        donors.record_number,
        min(donors.job_number) as donor_number,
    from donors
    inner join job_groups
        on donors.job_number = job_groups.job_number
    group by
        donors.donor_set,
        job_groups.relation_rank,
        job_groups.group_key,
        donors.record_number
),

numbered as (
    select
        *,
        row_number() over (
            partition by donor_set, relation_rank, group_key
            order by donor_number
        ) as place_in_group,
    from group_records
)

select * from numbered
where place_in_group <= {{ var("llm_comparable_jobs") }}
