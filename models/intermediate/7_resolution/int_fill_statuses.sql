-- A filled cell's status is the name of its source, so that the list grows with the
-- ranked seed.
{{ config(materialized="view") }}

with listed as (
    select
        fill_status,
        description,
    from {{ ref("fill_statuses") }}
),

added_sources as (
    select
        lower(source_type) as fill_status,
        'Filled by a source that was added: ' || reason as description,
    from {{ ref("stg_source_precedence") }}
    where lower(source_type) not in (select fill_status from listed)
),

fill_statuses as (
    select * from listed
    union all
    select * from added_sources
)

select * from fill_statuses
