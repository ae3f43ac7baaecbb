-- Guards promises 1 and 2: a filled cell has one winner in the provenance, its first
-- candidate (a cell has one candidate a rank: tested at the provenance), with the
-- value that gold shows; an open cell has none, no value, and a reason with a code
-- that belongs to its status.
with gold as (
    {{ numbered_cells(ref("gold_job_attributes")) }}
),

provenance as (
    {{ numbered_cells(ref("gold_job_attribute_provenance")) }}
),

wrong_marks as (
    select
        job_id,
        attribute_id,
        'is_winner is not the first candidate' as fault,
    from provenance
    where is_winner is distinct from (candidate_rank = 1)
),

wrong_cells as (
    select
        gold.job_id,
        gold.attribute_id,
        gold.fill_status as fault,
    from gold
    left join provenance as winner
        on
            winner.is_winner
            and gold.job_number = winner.job_number
            and gold.attribute_number = winner.attribute_number
    left join {{ ref("fill_reason_codes") }} as listed
        on
            gold.fill_reason_code = listed.fill_reason_code
            and gold.fill_status = listed.fill_status
    where
        gold.value is distinct from winner.value
        or gold.source_type is distinct from winner.source_type
        or (gold.value is null) is distinct from (gold.fill_reason is not null)
        or (gold.value is null)
        is distinct from (listed.fill_reason_code is not null)
        or gold.fill_reason_code is distinct from listed.fill_reason_code
        or gold.fill_status is distinct from case
            when gold.value is not null then lower(gold.source_type)
            else gold.fill_status
        end
        or (gold.value is null) is distinct from (
            gold.fill_status in (
                'awaiting_llm', 'refused', 'failed', 'set_aside'
            )
        )
)

select * from wrong_marks
union all
select * from wrong_cells
