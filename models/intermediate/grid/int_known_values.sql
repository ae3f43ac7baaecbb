-- What the sources say of a cell before any model is asked, the better source's
-- value alone, as the ranked seed has it.
with source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
),

authoritative_values as (
    select
        job_id,
        attribute_id,
        value,
        value_number,
        'AUTHORITATIVE' as source_type,
        source_record,
    from {{ ref("int_authoritative_values") }}
    where scope_rank = 1
),

onet_values as (
    select
        job_id,
        attribute_id,
        value,
        value_number,
        'ONET' as source_type,
        source_record,
    from {{ ref("int_onet_values") }}
),

sourced_values as (
    select * from authoritative_values
    union all
    select * from onet_values
),

ranked_values as (
    select
        sourced_values.*,
        source_precedence.precedence_rank,
    from sourced_values
    inner join source_precedence
        on sourced_values.source_type = source_precedence.source_type
),

known_values as (
    select ranked_values.*
    from ranked_values
    where
        not exists (
            select 1 from ranked_values as better_values
            where
                better_values.job_id = ranked_values.job_id
                and better_values.attribute_id = ranked_values.attribute_id
                and better_values.precedence_rank < ranked_values.precedence_rank
        )
)

select
    job_id,
    attribute_id,
    value,
    value_number,
    source_type,
    source_record,
from known_values
