-- Every cell of gold against what was recorded of it last. The states are compared by
-- their hashes, and looked up where these differ.
with records as (
    select * from {{ ref("history_recorded") }}
),

gold as (
    select * from {{ ref("gold_job_attributes") }}
),

precedence as (
    select
        source_type,
        source_precedence,
    from {{ ref("stg_source_precedence") }}
),

record_hashes as (
    select
        record_number,
        {{ state_hash("records", "_after") }} as state_hash,
    from records
),

recorded as (
    select
        cells.job_id,
        cells.attribute_id,
        cells.record_number,
        record_hashes.state_hash,
    from {{ ref("int_recorded_cells") }} as cells
    inner join record_hashes
        on cells.record_number = record_hashes.record_number
),

present as (
    select
        job_id,
        attribute_id,
        {{ state_hash("gold") }} as state_hash,
    from gold
),

differing as (
    select
        coalesce(present.job_id, recorded.job_id) as job_id,
        coalesce(present.attribute_id, recorded.attribute_id) as attribute_id,
        recorded.record_number,
    from present
    full join recorded
        on
            present.job_id = recorded.job_id
            and present.attribute_id = recorded.attribute_id
    where present.state_hash is distinct from recorded.state_hash
),

compared as (
    select
        differing.job_id,
        differing.attribute_id,
        differing.record_number is not null as was_there,
        gold.job_id is not null as is_there,
        {{ state_columns("records", "_after", "_before") }}
        {{ state_columns("gold", "", "_after") }}
        coalesce(ranked_before.source_precedence, records.source_precedence_after)
            as rank_before,
        coalesce(ranked_after.source_precedence, gold.source_precedence) as rank_after,
    from differing
    left join records
        on differing.record_number = records.record_number
    left join gold
        on
            differing.job_id = gold.job_id
            and differing.attribute_id = gold.attribute_id
    left join precedence as ranked_before
        on records.source_type_after = ranked_before.source_type
    left join precedence as ranked_after
        on gold.source_type = ranked_after.source_type
    -- A history that records nothing has nothing to compare with.
    where exists (select 1 from record_hashes)
),

kinds as (
    select
        *,
        {{ change_kind() }} as change_kind,
    from compared
),

changes as (
    select
        job_id,
        attribute_id,
        change_kind,
        {{ change_reason() }} as change_reason,
        {{ state_columns("kinds", "_before", "_before") }}
        {{ state_columns("kinds", "_after", "_after") }}
        (select max(sequence) from records) as compared_sequence,
    from kinds
)

select * from changes
