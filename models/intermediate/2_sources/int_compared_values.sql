-- Where a source and a better one both have a value, the better one is the truth: O*NET
-- and added sources against the authoritative value, an inherited value against the job's
-- own. Jobs that inherit alike are compared once.
{{ config(materialized="view") }}

with authoritative_values as (
    select * from {{ ref("int_authoritative_values") }}
),

jobs as (
    select
        job_number,
        job_id,
        unit_group,
    from {{ ref("int_jobs") }}
),

own as (
    select
        jobs.job_number,
        authoritative_values.attribute_number,
        min(authoritative_values.value_id) as value_id,
    from authoritative_values
    inner join jobs
        on authoritative_values.scope_code = jobs.job_id
    where authoritative_values.scope_level = 'job'
    group by jobs.job_number, authoritative_values.attribute_number
),

first_jobs as (
    select
        scope_set,
        min(job_number) as job_number,
    from {{ ref("int_scope_sets") }}
    group by scope_set
),

inherited as (
    select
        first_jobs.job_number,
        set_values.attribute_number,
        set_values.value_id,
    from first_jobs
    inner join {{ ref("int_scope_set_values") }} as set_values
        on first_jobs.scope_set = set_values.scope_set
    where
        set_values.scope_rank = 1
        and not exists (
            select 1 from own
            where
                own.job_number = first_jobs.job_number
                and own.attribute_number = set_values.attribute_number
        )
),

authoritative as (
    select * from own
    union all
    select * from inherited
),

inherited_beside_own as (
    select
        own.job_number,
        own.attribute_number,
        own.value_id as true_value_id,
        authoritative_values.inheritance_level,
        min(authoritative_values.value_id) as value_id,
    from own
    inner join {{ ref("int_scope_sets") }} as scope_sets
        on own.job_number = scope_sets.job_number
    inner join {{ ref("int_scope_set_values") }} as set_values
        on
            scope_sets.scope_set = set_values.scope_set
            and own.attribute_number = set_values.attribute_number
    inner join authoritative_values
        on set_values.value_id = authoritative_values.value_id
    group by
        own.job_number,
        own.attribute_number,
        own.value_id,
        authoritative_values.inheritance_level
),

added_beside_authoritative as (
    select
        added.job_number,
        added.attribute_number,
        candidates.value_id as true_value_id,
        added.value_id,
    from {{ ref("int_added_candidates") }} as added
    inner join {{ ref("int_authoritative_candidates") }} as candidates
        on
            added.job_number = candidates.job_number
            and added.attribute_number = candidates.attribute_number
    where candidates.scope_rank = 1
),

pairs as (
    select
        'AUTHORITATIVE' as source_type,
        pairs.inheritance_level,
        pairs.job_number,
        pairs.attribute_number,
        pairs.true_value_id,
        inherited_values.value,
        inherited_values.value_number,
    from inherited_beside_own as pairs
    inner join authoritative_values as inherited_values
        on pairs.value_id = inherited_values.value_id
    union all
    select
        'ONET' as source_type,
        cast(null as {{ dbt.type_string() }}) as inheritance_level,
        authoritative.job_number,
        authoritative.attribute_number,
        authoritative.value_id as true_value_id,
        onet_values.value,
        onet_values.value_number,
    from authoritative
    inner join {{ ref("int_onet_candidates") }} as onet_candidates
        on
            authoritative.job_number = onet_candidates.job_number
            and authoritative.attribute_number = onet_candidates.attribute_number
    inner join {{ ref("int_onet_values") }} as onet_values
        on onet_candidates.value_id = onet_values.value_id
    union all
    select
        added_values.source_type,
        cast(null as {{ dbt.type_string() }}) as inheritance_level,
        pairs.job_number,
        pairs.attribute_number,
        pairs.true_value_id,
        added_values.value,
        added_values.value_number,
    from added_beside_authoritative as pairs
    inner join {{ ref("int_added_values") }} as added_values
        on pairs.value_id = added_values.value_id
)

select
    pairs.source_type,
    pairs.inheritance_level,
    attributes.domain,
    attributes.value_type,
    coalesce(jobs.unit_group, jobs.job_id) as cluster,
    pairs.value_number - true_values.value_number as error,
    {{ is_right(
        "pairs.value", "pairs.value_number",
        "true_values.value", "true_values.value_number", "attributes.tolerance",
    ) }} as is_right,
from pairs
inner join authoritative_values as true_values
    on pairs.true_value_id = true_values.value_id
inner join {{ ref("int_attributes") }} as attributes
    on pairs.attribute_number = attributes.attribute_number
inner join jobs
    on pairs.job_number = jobs.job_number
where attributes.value_type <> 'text'
