-- Jobs that took their value from one record are one piece of evidence: only the
-- most comparable of them counts.
{%- set groups = {
    1: "unit_group", 2: "minor_group", 3: "job_family", 5: "job_function"
} %}
with asking_jobs as (
    select * from {{ ref("int_asking_jobs") }}
),

donors as (
    select * from {{ ref("int_donors") }}
),

similarities as (
    select * from {{ ref("int_title_similarities") }}
),

by_title as (
    select
        asking_jobs.job_id,
        asking_jobs.donor_set,
        donors.job_id as comparable_job_id,
        donors.source_record,
        case
            when asking_jobs.unit_group = donors.unit_group then 1
            when asking_jobs.minor_group = donors.minor_group then 2
            when asking_jobs.job_family = donors.job_family then 3
            else 4
        end as relation_rank,
        similarities.similarity,
    from asking_jobs
    inner join similarities
        on asking_jobs.job_id = similarities.job_id
    inner join donors
        on
            asking_jobs.donor_set = donors.donor_set
            and similarities.comparable_job_id = donors.job_id
),

by_group as (
    select * from {{ ref("int_group_donors") }}
),

candidates as (
    select * from by_title
    union all
    {%- for relation_rank, group in groups.items() %}
    select
        asking_jobs.job_id,
        asking_jobs.donor_set,
        by_group.job_id as comparable_job_id,
        by_group.source_record,
        {{ relation_rank }} as relation_rank,
        0.0 as similarity,
    from asking_jobs
    inner join by_group
        on
            asking_jobs.donor_set = by_group.donor_set
            and by_group.relation_rank = {{ relation_rank }}
            and asking_jobs.{{ group }} = by_group.group_key
    union all
    {%- endfor %}
    select
        asking_jobs.job_id,
        asking_jobs.donor_set,
        by_group.job_id as comparable_job_id,
        by_group.source_record,
        6 as relation_rank,
        0.0 as similarity,
    from asking_jobs
    inner join by_group
        on
            asking_jobs.donor_set = by_group.donor_set
            and by_group.relation_rank = 6
),

distinct_records as (
    select * from candidates
    qualify row_number() over (
        partition by job_id, donor_set, source_record
        order by relation_rank, similarity desc, comparable_job_id
    ) = 1
),

ranked as (
    select
        *,
        row_number() over (
            partition by job_id, donor_set
            order by relation_rank, similarity desc, comparable_job_id
        ) as comparable_rank,
    from distinct_records
)

select * from ranked
where comparable_rank <= {{ var("llm_comparable_jobs") }}
