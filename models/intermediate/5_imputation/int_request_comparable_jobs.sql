-- The comparable jobs of a request, each with all it says of the pack.
with comparable_jobs as (
    select * from {{ ref("int_comparable_jobs") }}
),

packs as (
    select * from {{ ref("int_attribute_packs") }}
),

jobs as (
    select
        job_number,
        job_title,
    from {{ ref("int_jobs") }}
),

source_values as (
    select * from {{ ref("int_source_values") }}
),

grouped as (
    select
        comparable_jobs.job_number,
        packs.pack_id,
        comparable_jobs.comparable_job_number,
        comparable_jobs.relation_rank,
        min(comparable_jobs.comparable_rank) as best_rank,
        max(comparable_jobs.similarity) as similarity,
        {{ list_agg(
            struct_of({
                "attribute_id": "packs.attribute_id",
                "value": "source_values.value",
            }),
            "packs.pack_position"
        ) }} as pack_values,
    from comparable_jobs
    inner join packs
        on comparable_jobs.attribute_number = packs.attribute_number
    inner join source_values
        on
            comparable_jobs.precedence_rank = source_values.precedence_rank
            and comparable_jobs.value_id = source_values.value_id
    group by
        comparable_jobs.job_number,
        packs.pack_id,
        comparable_jobs.comparable_job_number,
        comparable_jobs.relation_rank
),

named as (
    select
        grouped.*,
        jobs.job_title,
        {{ relation_name("grouped.relation_rank") }} as relation,
    from grouped
    inner join jobs
        on grouped.comparable_job_number = jobs.job_number
),

listed as (
    select
        job_number,
        pack_id,
        {{ list_agg(
            struct_of({
                "job_title": "job_title",
                "relation": "relation",
                "values": "pack_values",
            }),
            "best_rank, similarity desc, comparable_job_number"
        ) }} as comparable_jobs,
    from named
    group by job_number, pack_id
)

select * from listed
