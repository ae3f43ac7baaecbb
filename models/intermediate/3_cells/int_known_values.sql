-- What the sources say of a cell before any model is asked: the best candidate.
with source_candidates as (
    select * from {{ ref("int_source_candidates") }}
),

{{ best_candidates("source_candidates") }}

select * from best_candidates
