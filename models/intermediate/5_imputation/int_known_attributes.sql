-- How much a value tells is its self-information, -log2 of the share of jobs
-- that have it: a value that nearly every job has says nothing about this one.
with asking_jobs as (
    select distinct
        asked_cells.job_number,
        coalesce(twin_jobs.job_number, asked_cells.job_number) as own_number,
    from {{ ref("int_asked_cells") }} as asked_cells
    left join {{ ref("int_twin_jobs") }} as twin_jobs
        on asked_cells.job_number = twin_jobs.twin_number
),

hidden_attributes as (
    select * from {{ ref("int_hidden_attributes") }}
),

known_values as (
    select * from {{ ref("int_known_values") }}
),

source_values as (
    select
        *,
        coalesce(
            cast(round(value_number) as {{ dbt.type_string() }}), value
        ) as value_class,
    from {{ ref("int_source_values") }}
),

value_counts as (
    select
        precedence_rank,
        value_id,
        attribute_number,
        count(*) as jobs,
    from known_values
    group by precedence_rank, value_id, attribute_number
),

class_counts as (
    select
        value_counts.attribute_number,
        source_values.value_class,
        cast(sum(value_counts.jobs) as bigint) as jobs,
    from value_counts
    inner join source_values
        on
            value_counts.precedence_rank = source_values.precedence_rank
            and value_counts.value_id = source_values.value_id
    group by value_counts.attribute_number, source_values.value_class
),

class_shares as (
    select
        attribute_number,
        value_class,
        jobs * 1.0
        / sum(jobs) over (partition by attribute_number) as share_of_jobs,
    from class_counts
),

attributes as (
    select * from {{ ref("int_attributes") }}
),

ranked as (
    select
        asking_jobs.job_number,
        known_values.attribute_number,
        attributes.attribute_name,
        source_values.value,
        -ln(class_shares.share_of_jobs) / ln(2) as self_information,
        row_number() over (
            partition by asking_jobs.job_number
            order by class_shares.share_of_jobs asc, attributes.attribute_id asc
        ) as information_rank,
    from known_values
    inner join asking_jobs
        on known_values.job_number = asking_jobs.own_number
    inner join source_values
        on
            known_values.precedence_rank = source_values.precedence_rank
            and known_values.value_id = source_values.value_id
    inner join class_shares
        on
            known_values.attribute_number = class_shares.attribute_number
            and source_values.value_class = class_shares.value_class
    inner join attributes
        on known_values.attribute_number = attributes.attribute_number
    where
        not exists (
            select 1 from hidden_attributes
            where
                hidden_attributes.job_number = asking_jobs.job_number
                and hidden_attributes.attribute_number
                = known_values.attribute_number
        )
)

select * from ranked
where information_rank <= {{ var("llm_known_attributes") }}
