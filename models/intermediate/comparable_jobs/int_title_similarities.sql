-- The weight of what two titles share by the weight of all that either has.
-- Pairs without a token in common are left out: their similarity is 0.
with asking_tokens as (
    select * from {{ ref("int_title_tokens") }}
    where job_id in (
        select asking_jobs.job_id from {{ ref("int_asking_jobs") }} as asking_jobs
    )
),

donor_tokens as (
    select * from {{ ref("int_title_tokens") }}
    where job_id in (
        select donors.job_id from {{ ref("int_donors") }} as donors
    )
),

weights as (
    select * from {{ ref("int_title_weights") }}
),

shared_tokens as (
    select
        asking_tokens.job_id,
        donor_tokens.job_id as comparable_job_id,
        sum(asking_tokens.weight) as token_weight,
    from asking_tokens
    inner join donor_tokens
        on
            asking_tokens.token = donor_tokens.token
            and asking_tokens.job_id <> donor_tokens.job_id
    group by asking_tokens.job_id, donor_tokens.job_id
),

shared as (
    select
        shared_tokens.job_id,
        shared_tokens.comparable_job_id,
        shared_tokens.token_weight + case
            when own.job_function = other.job_function then own.function_weight
            else 0
        end as shared_weight,
        own.token_weight + own.function_weight
        + other.token_weight + other.function_weight as both_weights,
    from shared_tokens
    inner join weights as own
        on shared_tokens.job_id = own.job_id
    inner join weights as other
        on shared_tokens.comparable_job_id = other.job_id
),

similarities as (
    select
        job_id,
        comparable_job_id,
        shared_weight * 1.0 / (both_weights - shared_weight) as similarity,
    from shared
)

select * from similarities
