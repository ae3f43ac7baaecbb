-- How much a value tells is its self-information, -log2 of the share of jobs
-- that have it: a value that nearly every job has says nothing about this one.
with asking_jobs as (
    select distinct job_id from {{ ref("int_missing_cells") }}
),

known_values as (
    select
        *,
        coalesce(
            cast(round(value_number) as {{ dbt.type_string() }}), value
        ) as value_class,
    from {{ ref("int_known_values") }}
),

class_shares as (
    select
        attribute_id,
        value_class,
        count(*) * 1.0
        / sum(count(*)) over (partition by attribute_id) as share_of_jobs,
    from known_values
    group by attribute_id, value_class
),

attributes as (
    select * from {{ ref("int_attributes") }}
),

ranked as (
    select
        known_values.job_id,
        known_values.attribute_id,
        attributes.attribute_name,
        known_values.value,
        -ln(class_shares.share_of_jobs) / ln(2) as self_information,
        row_number() over (
            partition by known_values.job_id
            order by class_shares.share_of_jobs asc, known_values.attribute_id asc
        ) as information_rank,
    from known_values
    inner join asking_jobs
        on known_values.job_id = asking_jobs.job_id
    inner join class_shares
        on
            known_values.attribute_id = class_shares.attribute_id
            and known_values.value_class = class_shares.value_class
    inner join attributes
        on known_values.attribute_id = attributes.attribute_id
)

select * from ranked
where information_rank <= {{ var("llm_known_attributes") }}
