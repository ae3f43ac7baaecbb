-- The first donors of each group, for jobs whose title finds too few.
{%- set groups = {
    1: "unit_group", 2: "minor_group", 3: "job_family", 5: "job_function",
    6: "'all jobs'",
} %}
with donors as (
    select * from {{ ref("int_donors") }}
),

grouped as (
    {%- for relation_rank, group in groups.items() %}
    select
        donor_set,
        {{ relation_rank }} as relation_rank,
        {{ group }} as group_key,
        source_record,
        min(job_id) as job_id,
    from donors
    where {{ group }} is not null
    group by donor_set, {{ group }}, source_record
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

numbered as (
    select
        *,
        row_number() over (
            partition by donor_set, relation_rank, group_key order by job_id
        ) as place_in_group,
    from grouped
)

select * from numbered
where place_in_group <= {{ var("llm_comparable_jobs") }}
