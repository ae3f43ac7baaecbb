-- What holds of a cell is the last thing that was said of it by whoever could say: a new
-- value, or that the value which was shown is right. A value that an earlier review gave
-- and a later one accepts stays a reviewed one.
with decisions as (
    select * from {{ ref("int_review_decisions") }}
    where not is_withdrawn and problem is null and decision <> 'cannot_say'
),

ranked as (
    select
        *,
        row_number() over (
            partition by job_number, attribute_number
            order by decided_at desc, review_number desc
        ) as recency,
    from decisions
),

reviewed_cells as (
    select
        job_number,
        attribute_number,
        review_id,
        decision,
        case when decision = 'change' then 'REVIEW' else shown_source end
            as source_type,
        value,
        reviewer as reviewed_by,
        decided_at as reviewed_at,
        reason as review_reason,
    from ranked
    where recency = 1
)

select * from reviewed_cells
