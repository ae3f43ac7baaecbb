-- Every authoritative value that reaches a cell, by the job's own scope or by its set
-- of scopes; only where both have one the two are ranked together.
with source_precedence as (
    select precedence_rank from {{ ref("stg_source_precedence") }}
    where source_type = 'AUTHORITATIVE'
),

own as (
    select
        jobs.job_number,
        authoritative_values.attribute_number,
        authoritative_values.value_id,
    from {{ ref("int_authoritative_values") }} as authoritative_values
    inner join {{ ref("int_jobs") }} as jobs
        on authoritative_values.scope_code = jobs.job_id
    where authoritative_values.scope_level = 'job'
),

inherited as (
    select
        scope_sets.job_number,
        set_values.attribute_number,
        set_values.value_id,
        set_values.scope_rank,
    from {{ ref("int_scope_sets") }} as scope_sets
    inner join {{ ref("int_scope_set_values") }} as set_values
        on scope_sets.scope_set = set_values.scope_set
),

only_inherited as (
    select inherited.*
    from inherited
    where
        not exists (
            select 1 from own
            where
                own.job_number = inherited.job_number
                and own.attribute_number = inherited.attribute_number
        )
),

own_and_inherited as (
    select * from own
    union all
    select
        job_number,
        attribute_number,
        value_id,
    from inherited
    where
        exists (
            select 1 from own
            where
                own.job_number = inherited.job_number
                and own.attribute_number = inherited.attribute_number
        )
),

ranked_together as (
    select
        *,
        cast(row_number() over (
            partition by job_number, attribute_number
            order by value_id
        ) as integer) as scope_rank,
    from own_and_inherited
),

candidates as (
    select * from only_inherited
    union all
    select * from ranked_together
)

select
    candidates.job_number,
    candidates.attribute_number,
    cast(source_precedence.precedence_rank as integer) as precedence_rank,
    candidates.scope_rank,
    candidates.value_id,
from candidates
cross join source_precedence
