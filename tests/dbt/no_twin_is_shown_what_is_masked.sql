-- Guards the backtest: neither the masked value nor one that is derived from it stands in
-- the prompt of its twin. Decided anew here, from what the prompts are made of.
with twin_cells as (
    select * from {{ ref("int_twin_cells") }}
),

jobs as (
    select
        job_number,
        unit_group,
    from {{ ref("int_jobs") }}
),

records as (
    select
        precedence_rank,
        value_id,
        source_record,
        source_type,
        coalesce(inheritance_level = 'job', false) as is_own,
    from {{ ref("int_source_values") }}
),

crosswalk as (
    select
        unit_group,
        onet_soc_code,
    from {{ ref("int_noc_onet_crosswalk_checked") }}
    where is_usable
),

elements as (
    select
        attributes.attribute_number,
        elements.element_id,
    from {{ ref("int_attribute_onet_elements_checked") }} as elements
    inner join {{ ref("int_attributes") }} as attributes
        on elements.attribute_id = attributes.attribute_id
    where elements.is_usable
),

masked as (
    select
        twin_cells.twin_number,
        twin_cells.masked_gap,
        twin_cells.job_number,
        twin_cells.attribute_number,
        jobs.unit_group,
        records.source_record,
        records.is_own,
    from twin_cells
    inner join jobs
        on twin_cells.job_number = jobs.job_number
    inner join records
        on
            twin_cells.precedence_rank = records.precedence_rank
            and twin_cells.value_id = records.value_id
),

shown_beside as (
    select
        masked.twin_number,
        masked.attribute_number,
        case
            when comparable.comparable_job_number = masked.job_number
                then 'its own job is compared'
            when records.source_record = masked.source_record
                then 'another job has it from the same source record'
            when not masked.is_own and donors.unit_group = masked.unit_group
                then 'a job of its unit group is compared'
            when records.source_type = 'ONET'
                and exists (
                    select 1 from crosswalk as own
                    inner join crosswalk as other
                        on own.onet_soc_code = other.onet_soc_code
                    where
                        own.unit_group = masked.unit_group
                        and other.unit_group = donors.unit_group
                )
                then 'O*NET rated another job by the same occupation'
            when masked.masked_gap = 'attribute_in_no_source' and not records.is_own
                then 'a source has the attribute'
        end as leak,
    from masked
    inner join {{ ref("int_comparable_jobs") }} as comparable
        on
            masked.twin_number = comparable.job_number
            and masked.attribute_number = comparable.attribute_number
    inner join jobs as donors
        on comparable.comparable_job_number = donors.job_number
    inner join records
        on
            comparable.precedence_rank = records.precedence_rank
            and comparable.value_id = records.value_id
),

shown_of_the_job as (
    select
        masked.twin_number,
        masked.attribute_number,
        case
            when known.attribute_number = masked.attribute_number
                then 'the cell itself is known'
            when exists (
                    select 1 from elements as own
                    inner join elements as other
                        on own.element_id = other.element_id
                    where
                        own.attribute_number = masked.attribute_number
                        and other.attribute_number = known.attribute_number
                )
                then 'an attribute of the same O*NET element is known'
            when masked.masked_gap = 'job_without_unit_group' and not records.is_own
                then 'a value is known that came by the unit group'
            when masked.masked_gap = 'unit_group_without_crosswalk'
                and records.source_type = 'ONET'
                then 'a value is known that came by the crosswalk'
        end as leak,
    from masked
    inner join {{ ref("int_known_attributes") }} as known
        on masked.twin_number = known.job_number
    inner join {{ ref("int_known_values") }} as known_values
        on
            masked.job_number = known_values.job_number
            and known.attribute_number = known_values.attribute_number
    inner join records
        on
            known_values.precedence_rank = records.precedence_rank
            and known_values.value_id = records.value_id
),

shown_as_context as (
    select
        masked.twin_number,
        masked.attribute_number,
        'the unit group is named' as leak,
    from masked
    inner join {{ ref("int_twin_jobs") }} as twin_jobs
        on masked.twin_number = twin_jobs.twin_number
    where
        masked.masked_gap = 'job_without_unit_group'
        and twin_jobs.unit_group is not null
)

select * from shown_beside
where leak is not null
union all
select * from shown_of_the_job
where leak is not null
union all
select * from shown_as_context
