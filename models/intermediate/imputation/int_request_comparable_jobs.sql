-- The comparable jobs of a request, each with all it says of the pack.
with comparable_jobs as (
    select * from {{ ref("int_comparable_jobs") }}
),

packs as (
    select * from {{ ref("int_attribute_packs") }}
),

grouped as (
    select
        comparable_jobs.job_id,
        packs.pack_id,
        comparable_jobs.comparable_job_id,
        comparable_jobs.comparable_job_title as job_title,
        comparable_jobs.relation,
        min(comparable_jobs.comparable_rank) as best_rank,
        max(comparable_jobs.similarity) as similarity,
        {{ list_agg(
            struct_of({
                "attribute_id": "comparable_jobs.attribute_id",
                "value": "comparable_jobs.value",
            }),
            "packs.pack_position"
        ) }} as pack_values,
    from comparable_jobs
    inner join packs
        on comparable_jobs.attribute_id = packs.attribute_id
    group by
        comparable_jobs.job_id,
        packs.pack_id,
        comparable_jobs.comparable_job_id,
        comparable_jobs.comparable_job_title,
        comparable_jobs.relation
),

listed as (
    select
        job_id,
        pack_id,
        {{ list_agg(
            struct_of({
                "job_title": "job_title",
                "relation": "relation",
                "values": "pack_values",
            }),
            "best_rank, similarity desc, comparable_job_id"
        ) }} as comparable_jobs,
    from grouped
    group by job_id, pack_id
)

select * from listed
