with resolved_cells as (
    select * from {{ ref("int_resolved_cells") }}
),

unfilled_cells as (
    select * from {{ ref("int_unfilled_cells") }}
),

attributes as (
    select * from {{ ref("int_attributes") }}
),

all_cells as (
    select
        job_id,
        attribute_id,
        value,
        value_number,
        lower(source_type) as fill_status,
        cast(null as {{ dbt.type_string() }}) as fill_reason,
        source_type,
        source_precedence,
        dataset,
        dataset_release,
        source_record,
        inheritance_level,
        confidence,
        rationale,
        model_used,
        prompt_version,
        request_id,
        imputed_at,
        is_stale,
        dbt_invocation_id,
    from resolved_cells
    union all
    select
        job_id,
        attribute_id,
        null as value,
        null as value_number,
        fill_status,
        fill_reason,
        null as source_type,
        null as source_precedence,
        null as dataset,
        null as dataset_release,
        null as source_record,
        null as inheritance_level,
        null as confidence,
        null as rationale,
        null as model_used,
        null as prompt_version,
        null as request_id,
        null as imputed_at,
        null as is_stale,
        '{{ invocation_id }}' as dbt_invocation_id,
    from unfilled_cells
),

gold as (
    select
        all_cells.job_id,
        all_cells.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        attributes.value_type,
        all_cells.value,
        all_cells.value_number,
        case
            when attributes.value_type = 'category' then all_cells.value
        end as value_category,
        case
            when attributes.value_type = 'boolean'
                then all_cells.value = 'true'
        end as value_boolean,
        case
            when attributes.value_type = 'text' then all_cells.value
        end as value_text,
        all_cells.fill_status,
        all_cells.fill_reason,
        all_cells.source_type,
        all_cells.source_precedence,
        all_cells.dataset,
        all_cells.dataset_release,
        all_cells.source_record,
        all_cells.inheritance_level,
        all_cells.confidence,
        all_cells.rationale,
        all_cells.model_used,
        all_cells.prompt_version,
        all_cells.request_id,
        all_cells.imputed_at,
        all_cells.is_stale,
        all_cells.dbt_invocation_id,
    from all_cells
    inner join attributes
        on all_cells.attribute_id = attributes.attribute_id
)

select * from gold
