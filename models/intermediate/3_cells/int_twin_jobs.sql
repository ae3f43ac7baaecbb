-- A twin is a job as it would stand there with that gap: an id of its own, so that what
-- is said of it is never taken for an answer to the job's cells, and without a unit
-- group where the gap is that.
with twins as (
    select distinct
        twin_number,
        masked_gap,
        job_number,
    from {{ ref("int_twin_cells") }}
),

twin_jobs as (
    select
        twins.twin_number,
        twins.masked_gap,
        twins.job_number,
        'twin ' || twins.masked_gap || ' ' || jobs.job_id as job_id,
        jobs.job_title,
        jobs.job_family,
        jobs.job_function,
        case
            when twins.masked_gap <> 'job_without_unit_group' then jobs.unit_group
        end as unit_group,
    from twins
    inner join {{ ref("int_jobs") }} as jobs
        on twins.job_number = jobs.job_number
)

select * from twin_jobs
