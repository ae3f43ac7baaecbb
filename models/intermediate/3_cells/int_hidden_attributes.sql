-- What of a twin's own job may not be shown: what it is asked for, what was rated by the
-- same O*NET element, and what a job with that gap would not have either.
with twin_cells as (
    select * from {{ ref("int_twin_cells") }}
),

twin_jobs as (
    select * from {{ ref("int_twin_jobs") }}
),

attributes as (
    select
        attribute_number,
        attribute_id,
    from {{ ref("int_attributes") }}
),

elements as (
    select
        attributes.attribute_number,
        elements.element_id,
    from {{ ref("int_attribute_onet_elements_checked") }} as elements
    inner join attributes
        on elements.attribute_id = attributes.attribute_id
    where elements.is_usable
),

source_records as (
    select
        precedence_rank,
        value_id,
        source_type,
        is_own,
    from {{ ref("int_source_records") }}
),

known_values as (
    select
        twin_jobs.twin_number,
        twin_jobs.masked_gap,
        known_values.attribute_number,
        source_records.source_type,
        source_records.is_own,
    from twin_jobs
    inner join {{ ref("int_known_values") }} as known_values
        on twin_jobs.job_number = known_values.job_number
    inner join source_records
        on
            known_values.precedence_rank = source_records.precedence_rank
            and known_values.value_id = source_records.value_id
),

hidden_attributes as (
    select
        twin_number as job_number,
        attribute_number,
    from twin_cells
    union
    select
        twin_cells.twin_number as job_number,
        same_element.attribute_number,
    from twin_cells
    inner join elements
        on twin_cells.attribute_number = elements.attribute_number
    inner join elements as same_element
        on elements.element_id = same_element.element_id
    union
    select
        twin_number as job_number,
        attribute_number,
    from known_values
    where
        (masked_gap = 'job_without_unit_group' and not is_own)
        or (masked_gap = 'unit_group_without_crosswalk' and source_type = 'ONET')
)

select * from hidden_attributes
