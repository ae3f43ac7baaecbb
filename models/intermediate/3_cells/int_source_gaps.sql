-- The first reason that holds says why no source reaches the cell.
with missing_cells as (
    select * from {{ ref("int_missing_cells") }}
),

jobs as (
    select * from {{ ref("int_jobs") }}
),

attributes as (
    select
        attribute_number,
        attribute_id,
    from {{ ref("int_attributes") }}
),

attributes_of_authorities as (
    select distinct attribute_id from {{ ref("int_authoritative_scope_values") }}
),

attributes_of_onet as (
    select distinct attribute_id
    from {{ ref("int_attribute_onet_elements_checked") }}
    where is_usable
),

crosswalked_unit_groups as (
    select distinct unit_group
    from {{ ref("int_noc_onet_crosswalk_checked") }}
    where is_usable
),

source_gaps as (
    select
        missing_cells.job_number,
        missing_cells.attribute_number,
        jobs.job_id,
        attributes.attribute_id,
        case
            when
                attributes_of_authorities.attribute_id is null
                and attributes_of_onet.attribute_id is null
                then 'attribute_in_no_source'
            when jobs.unit_group is null then 'job_without_unit_group'
            when attributes_of_onet.attribute_id is null
                then 'no_value_reaches_the_job'
            when crosswalked_unit_groups.unit_group is null
                then 'unit_group_without_crosswalk'
            else 'onet_codes_without_rating'
        end as source_gap,
    from missing_cells
    inner join jobs
        on missing_cells.job_number = jobs.job_number
    inner join attributes
        on missing_cells.attribute_number = attributes.attribute_number
    left join attributes_of_authorities
        on attributes.attribute_id = attributes_of_authorities.attribute_id
    left join attributes_of_onet
        on attributes.attribute_id = attributes_of_onet.attribute_id
    left join crosswalked_unit_groups
        on jobs.unit_group = crosswalked_unit_groups.unit_group
)

select * from source_gaps
