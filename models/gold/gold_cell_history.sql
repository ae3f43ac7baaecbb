-- What the ledger had before this run, and what this run added to it.
with records as (
    select * from {{ ref("history_recorded") }}
    where change_kind is not null
    union all
    select * from {{ ref("history_changes") }}
),

history as (
    select
        change_number,
        recorded_at as changed_at,
        job_id,
        attribute_id,
        change_kind,
        change_reason,
        value_before,
        value_after,
        source_type_before,
        source_type_after,
        fill_status_before,
        fill_status_after,
        fill_reason_code_before,
        fill_reason_code_after,
        dataset_before,
        dataset_after,
        dataset_release_before,
        dataset_release_after,
        source_record_before,
        source_record_after,
        inheritance_level_before,
        inheritance_level_after,
        model_used_before,
        model_used_after,
        reviewed_by_before,
        reviewed_by_after,
        dbt_invocation_id,
    from records
)

select * from history
