-- Every authoritative value that reaches a cell; scope_rank 1 is the most
-- specific. Equals are settled by the later release, then by the dataset's name.
with job_scopes as (
    select * from {{ ref("int_job_scopes") }}
),

scope_values as (
    select * from {{ ref("int_authoritative_scope_values") }}
),

inheritance_levels as (
    select * from {{ ref("inheritance_levels") }}
),

inherited as (
    select
        job_scopes.job_id,
        scope_values.attribute_id,
        scope_values.value,
        scope_values.value_number,
        cast(inheritance_levels.confidence as double) as confidence,
        scope_values.dataset,
        scope_values.dataset_release,
        scope_values.source_record,
        job_scopes.inheritance_level,
        row_number() over (
            partition by job_scopes.job_id, scope_values.attribute_id
            order by
                inheritance_levels.specificity desc,
                scope_values.dataset_release desc,
                scope_values.dataset asc,
                scope_values.source_record asc
        ) as scope_rank,
    from job_scopes
    inner join scope_values
        on
            job_scopes.scope_level = scope_values.scope_level
            and job_scopes.scope_code = scope_values.scope_code
    inner join inheritance_levels
        on job_scopes.inheritance_level = inheritance_levels.inheritance_level
)

select * from inherited
