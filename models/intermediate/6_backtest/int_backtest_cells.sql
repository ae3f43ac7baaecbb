-- What is true of each twin, as its source has it.
with twin_cells as (
    select * from {{ ref("int_twin_cells") }}
),

source_records as (
    select
        precedence_rank,
        value_id,
        source_record_number,
        is_own,
    from {{ ref("int_source_records") }}
),

source_values as (
    select
        precedence_rank,
        value_id,
        source_type,
        value,
        value_number,
    from {{ ref("int_source_values") }}
),

attributes as (
    select
        attribute_number,
        domain,
        value_type,
        {{ is_whole_scale() }} as is_whole_scale,
        tolerance,
        {{ text_number("attribute_id") }} as attribute_hash,
    from {{ ref("int_attributes") }}
),

jobs as (
    select
        job_number,
        unit_group,
        {{ text_number("job_id") }} as job_hash,
    from {{ ref("int_jobs") }}
),

backtest_cells as (
    select
        twin_cells.twin_number,
        twin_cells.attribute_number,
        twin_cells.masked_gap,
        attributes.domain,
        attributes.value_type,
        attributes.is_whole_scale,
        attributes.tolerance,
        twin_cells.job_number,
        jobs.job_hash,
        mod(jobs.job_hash, {{ folds() }}) as fold,
        {{ cell_draw("jobs.job_hash", "attributes.attribute_hash") }} as draw,
        jobs.unit_group,
        source_values.source_type,
        source_records.source_record_number,
        source_records.is_own,
        source_values.value as true_value,
        source_values.value_number as true_number,
    from twin_cells
    inner join source_values
        on
            twin_cells.precedence_rank = source_values.precedence_rank
            and twin_cells.value_id = source_values.value_id
    inner join source_records
        on
            twin_cells.precedence_rank = source_records.precedence_rank
            and twin_cells.value_id = source_records.value_id
    inner join attributes
        on twin_cells.attribute_number = attributes.attribute_number
    inner join jobs
        on twin_cells.job_number = jobs.job_number
)

select * from backtest_cells
