-- The winner of each cell: the best candidate of the first source in the ranked
-- seed, else of the second, else of the third.
with candidates as (
    select * from {{ ref("int_candidates") }}
    where scope_rank = 1
),

first_choice as (
    select * from candidates
    where precedence_rank = 1
),

second_choice as (
    select * from candidates
    where
        precedence_rank = 2
        and not exists (
            select 1 from first_choice
            where
                first_choice.job_id = candidates.job_id
                and first_choice.attribute_id = candidates.attribute_id
        )
),

third_choice as (
    select * from candidates
    where
        precedence_rank = 3
        and not exists (
            select 1 from first_choice
            where
                first_choice.job_id = candidates.job_id
                and first_choice.attribute_id = candidates.attribute_id
        )
        and not exists (
            select 1 from second_choice
            where
                second_choice.job_id = candidates.job_id
                and second_choice.attribute_id = candidates.attribute_id
        )
),

winners as (
    select * from first_choice
    union all
    select * from second_choice
    union all
    select * from third_choice
)

select * from winners
