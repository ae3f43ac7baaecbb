-- What a title is recognised by: how its words begin, its head word (what the
-- person is) and how that ends. A token that too many jobs share is no help.
with jobs as (
    select
        job_number,
        {{ normal_title("job_title") }} as title,
        {{ normal_title(head_phrase("job_title")) }} as head_phrase,
    from {{ ref("int_weighed_jobs") }}
),

words as (
    select
        job_number,
        {{ unnest_words("title") }} as word,
    from jobs
),

head_words as (
    select
        job_number,
        {{ dbt.split_part("head_phrase", "' '", -1) }} as word,
    from jobs
),

heads as (
    select
        job_number,
        case
            when word like '%ies' and length(word) > 4
                then left(word, length(word) - 3) || 'y'
            when word like '%s' and word not like '%ss' and length(word) > 3
                then left(word, length(word) - 1)
            else word
        end as head,
    from head_words
),

tokens as (
    select
        job_number,
        'begins ' || left(word, 4) as token,
    from words
    where word <> ''
    union
    select
        job_number,
        'is ' || head as token,
    from heads
    where head <> ''
    union
    select
        job_number,
        'ends ' || right(head, 4) as token,
    from heads
    where head <> ''
),

counted as (
    select
        *,
        count(*) over (partition by token) as jobs_with_token,
        (select count(*) from jobs) as all_jobs,
    from tokens
),

weighed as (
    select
        job_number,
        token,
        {{ rarity("jobs_with_token", "all_jobs") }} as weight,
    from counted
    where jobs_with_token <= 2500
)

select * from weighed
