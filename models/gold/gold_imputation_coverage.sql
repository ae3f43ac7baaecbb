with gold as (
    select * from {{ ref("gold_job_attributes") }}
),

jobs as (
    select * from {{ ref("int_jobs") }}
),

coverage as (
    select
        gold.attribute_id,
        gold.attribute_name,
        gold.domain,
        coalesce(jobs.job_family, '(no family)') as job_family,
        gold.fill_status,
        gold.source_type,
        count(*) as cells,
        round(avg(gold.confidence), 4) as mean_confidence,
    from gold
    inner join jobs
        on gold.job_id = jobs.job_id
    group by
        gold.attribute_id,
        gold.attribute_name,
        gold.domain,
        coalesce(jobs.job_family, '(no family)'),
        gold.fill_status,
        gold.source_type
)

select * from coverage
