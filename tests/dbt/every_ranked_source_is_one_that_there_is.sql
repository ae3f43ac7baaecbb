-- Guards that no name in the ranked seed is a slip: a source that nobody gives values
-- for would take its place there and never win, and the one that was meant has none.
select ranked.source_type
from {{ ref("stg_source_precedence") }} as ranked
left join {{ ref("int_added_source_values") }} as given
    on ranked.source_type = given.source_type
where
    ranked.source_type not in ('REVIEW', 'AUTHORITATIVE', 'ONET', 'LLM')
    and given.source_type is null
