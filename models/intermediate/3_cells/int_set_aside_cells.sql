-- Cells for which somebody gave a value that stands in quarantine. An id that differs
-- from a known one by no more than its case, its signs or its leading zeros means it.
with set_aside as (
    select
        scope_level,
        scope_code,
        attribute_id,
        source_file,
        source_row,
    from {{ ref("int_authoritative_values_checked") }}
    where fault is not null
),

attributes as (
    select
        attribute_number,
        attribute_id,
    from {{ ref("int_attributes") }}
),

job_scopes as (
    select
        job_number,
        scope_level,
        {{ loose_id("scope_code") }} as loose_scope_code,
    from {{ ref("int_job_scopes") }}
),

reached as (
    select
        job_scopes.job_number,
        attributes.attribute_number,
        min(set_aside.source_file || ' row ' || set_aside.source_row)
            as quarantined_row,
    from set_aside
    inner join attributes
        on
            {{ loose_id("set_aside.attribute_id") }}
            = {{ loose_id("attributes.attribute_id") }}
    inner join job_scopes
        on
            set_aside.scope_level = job_scopes.scope_level
            and {{ loose_id("set_aside.scope_code") }}
            = job_scopes.loose_scope_code
    group by job_scopes.job_number, attributes.attribute_number
),

set_aside_cells as (
    select reached.*
    from reached
    where
        not exists (
            select 1 from {{ ref("int_known_values") }} as known_values
            where
                known_values.job_number = reached.job_number
                and known_values.attribute_number = reached.attribute_number
        )
)

select * from set_aside_cells
