-- Numbered so that of the values of a cell the smallest number is the best: by the
-- dataset's rank, the organisation's own first, then the level's specificity, then the
-- dataset's name, the later release of one dataset, and the record's name.
with scope_values as (
    select * from {{ ref("int_authoritative_scope_values") }}
),

scopes as (
    select distinct
        scope_level,
        scope_code,
        inheritance_level,
    from {{ ref("int_job_scopes") }}
),

inheritance_levels as (
    select * from {{ ref("inheritance_levels") }}
),

dataset_ranks as (
    select
        lower(dataset) as dataset,
        dataset_rank,
    from {{ ref("dataset_ranks") }}
),

attributes as (
    select
        attribute_id,
        attribute_number,
    from {{ ref("int_attributes") }}
),

numbered as (
    select
        cast(row_number() over (
            order by
                coalesce(
                    of_dataset.dataset_rank, of_any_other.dataset_rank
                ) asc,
                inheritance_levels.specificity desc,
                scope_values.dataset asc,
                {{ release_order("scope_values.dataset_release") }}
                desc nulls last,
                scope_values.source_record asc,
                attributes.attribute_number asc
        ) as integer) as value_id,
        scopes.scope_level,
        scopes.scope_code,
        scopes.inheritance_level,
        attributes.attribute_number,
        scope_values.value,
        scope_values.value_number,
        cast(inheritance_levels.confidence as double) as confidence,
        scope_values.dataset,
        scope_values.dataset_release,
        scope_values.source_record,
    from scope_values
    inner join scopes
        on
            scope_values.scope_level = scopes.scope_level
            and scope_values.scope_code = scopes.scope_code
    inner join inheritance_levels
        on scopes.inheritance_level = inheritance_levels.inheritance_level
    inner join attributes
        on scope_values.attribute_id = attributes.attribute_id
    left join dataset_ranks as of_dataset
        on lower(scope_values.dataset) = of_dataset.dataset
    left join dataset_ranks as of_any_other
        on of_any_other.dataset = '(any other)'
)

select * from numbered
