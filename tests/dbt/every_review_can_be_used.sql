-- Guards that nobody's decision is dropped without a word: one of a job or an attribute
-- that is gone, or with a value that is off its scale by now, is in no layer. A warning,
-- since the rest can be used: withdraw it, or bring back what it is about.
{{ config(severity="warn") }}

select
    job_id,
    attribute_id,
    reviewer,
    decided_at,
    problem,
from {{ ref("int_review_decisions") }}
where problem is not null
