-- Guards that no name in the ranked seed is a slip: a source that nobody gives values
-- for would take its place there and never win, and the one that was meant has none.
select source_type
from {{ ref("stg_source_precedence") }}
where
    source_type not in ('AUTHORITATIVE', 'ONET', 'LLM')
    and source_type not in (
        select source_type from {{ ref("int_added_source_values") }}
    )
