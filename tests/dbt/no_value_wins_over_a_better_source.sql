-- Guards the cascade: no LLM value wins where an authoritative or O*NET
-- candidate exists, and no candidate at all wins over one of higher precedence.
select
    gold.job_id,
    gold.attribute_id,
    gold.source_type,
    candidates.source_type as better_source_type,
from {{ ref("gold_job_attributes") }} as gold
inner join {{ ref("gold_job_attribute_provenance") }} as candidates
    on
        gold.job_id = candidates.job_id
        and gold.attribute_id = candidates.attribute_id
        and (
            gold.source_precedence is null
            or gold.source_precedence < candidates.source_precedence
        )
