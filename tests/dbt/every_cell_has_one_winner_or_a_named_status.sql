-- Guards promises 1 and 2: a filled cell has one winner in the provenance, with
-- the value that gold shows; an open cell has none, no value, and a reason with a
-- code that belongs to its status.
with gold as (
    {{ numbered_cells(ref("gold_job_attributes")) }}
),

provenance as (
    {{ numbered_cells(ref("gold_job_attribute_provenance")) }}
),

winners as (
    select
        job_number,
        attribute_number,
        count(*) as winner_count,
        min(value) as winning_value,
        min(source_type) as winning_source_type,
    from provenance
    where is_winner
    group by job_number, attribute_number
)

select
    gold.job_id,
    gold.attribute_id,
    gold.fill_status,
from gold
left join winners
    on
        gold.job_number = winners.job_number
        and gold.attribute_number = winners.attribute_number
left join {{ ref("fill_reason_codes") }} as listed
    on
        gold.fill_reason_code = listed.fill_reason_code
        and gold.fill_status = listed.fill_status
where
    gold.value is distinct from winners.winning_value
    or gold.source_type is distinct from winners.winning_source_type
    or coalesce(winners.winner_count, 0)
    <> case when gold.source_type is null then 0 else 1 end
    or (gold.value is null) is distinct from (gold.fill_reason is not null)
    or (gold.value is null) is distinct from (listed.fill_reason_code is not null)
    or gold.fill_reason_code is distinct from listed.fill_reason_code
    or gold.fill_status is distinct from case
        when gold.value is not null then lower(gold.source_type)
        else gold.fill_status
    end
    or (gold.value is null) is distinct from (
        gold.fill_status in ('awaiting_llm', 'refused', 'failed')
    )
