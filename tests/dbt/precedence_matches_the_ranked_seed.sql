-- Guards that gold's precedence is the seed's and nobody's literal.
select
    gold.job_id,
    gold.attribute_id,
    gold.source_type,
    gold.source_precedence,
from {{ ref("gold_job_attributes") }} as gold
left join {{ ref("stg_source_precedence") }} as source_precedence
    on gold.source_type = source_precedence.source_type
where gold.source_precedence is distinct from source_precedence.source_precedence
