-- Guards promise 2: a filled cell names its dataset, its record and its
-- confidence, and an authoritative or reviewed one the level it holds for.
select
    job_id,
    attribute_id,
    fill_status,
from {{ ref("gold_job_attributes") }}
where
    source_type is not null
    and (
        dataset is null
        or source_record is null
        or coalesce(confidence, stated_confidence) is null
        or (source_type in ('REVIEW', 'AUTHORITATIVE'))
        is distinct from (inheritance_level is not null)
    )
