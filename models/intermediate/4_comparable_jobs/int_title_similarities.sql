-- The weight of what both jobs have by the weight of what either has. A pair
-- whose titles share no token has no row: its similarity is 0.
with tokens as (
    select
        *,
        sum(weight) over (partition by job_number) as title_weight,
    from {{ ref("int_title_tokens") }}
),

asking_tokens as (
    select * from tokens
    where job_number in (select own_number from {{ ref("int_asking_jobs") }})
),

donor_tokens as (
    select * from tokens
    where job_number in (select job_number from {{ ref("int_donors") }})
),

jobs as (
    select * from {{ ref("int_weighed_jobs") }}
),

shared_tokens as (
    select
        asking_tokens.job_number,
        donor_tokens.job_number as donor_number,
        asking_tokens.title_weight + donor_tokens.title_weight as title_weights,
        sum(asking_tokens.weight) as shared_weight,
    from asking_tokens
    inner join donor_tokens
        on
            asking_tokens.token = donor_tokens.token
            and asking_tokens.job_number <> donor_tokens.job_number
    group by
        asking_tokens.job_number,
        donor_tokens.job_number,
        asking_tokens.title_weight,
        donor_tokens.title_weight
),

weighed as (
    select
        shared_tokens.job_number,
        shared_tokens.donor_number,
        case
            when jobs.unit_group = donors.unit_group then 1
            when jobs.minor_group = donors.minor_group then 2
            when jobs.job_family = donors.job_family then 3
            else 4
        end as relation_rank,
        shared_tokens.shared_weight + case
            when jobs.job_function = donors.job_function
                then jobs.function_weight
            else 0
        end as shared_weight,
        shared_tokens.title_weights
        + jobs.function_weight + donors.function_weight as both_weights,
    from shared_tokens
    inner join jobs
        on shared_tokens.job_number = jobs.job_number
    inner join jobs as donors
        on shared_tokens.donor_number = donors.job_number
),

similarities as (
    select
        job_number,
        donor_number,
        relation_rank,
        cast(shared_weight as double)
        / cast(both_weights - shared_weight as double) as similarity,
    from weighed
)

select * from similarities
