-- Guards the cascade: no LLM value wins where an authoritative or O*NET
-- candidate exists, and no candidate at all wins over one of higher precedence.
with gold as (
    {{ numbered_cells(ref("gold_job_attributes")) }}
),

provenance as (
    {{ numbered_cells(ref("gold_job_attribute_provenance")) }}
)

select
    gold.job_id,
    gold.attribute_id,
    gold.source_type,
    provenance.source_type as better_source_type,
from gold
inner join provenance
    on
        gold.job_number = provenance.job_number
        and gold.attribute_number = provenance.attribute_number
        and (
            gold.source_precedence is null
            or gold.source_precedence < provenance.source_precedence
        )
