-- A sample of known cells, each of which is asked as if it were missing for the reason
-- of a gap: its twin. Known cells are no random sample of missing ones, so each gap that
-- there is has twins of its own, of cells that can be hidden as its cells are. The sample
-- goes by a hash of job and attribute: it is the same in every run, and stays when rows
-- are added. Where one call asks for several cells of a job, several of a job can be
-- masked together: the one that is drawn, and the next of its job, those of its domain
-- first. What people reviewed is no such sample, and is measured apart.
{%- set per_gap = var("backtest_cells") | int %}
{%- set per_job = [var("backtest_cells_per_job") | int, 1] | max %}
{%- set drawn_of = 4294967296 %}
with jobs as (
    select
        job_number,
        unit_group,
        {{ text_number("job_id") }} as job_hash,
    from {{ ref("int_jobs") }}
),

attributes_of_onet as (
    select distinct attribute_id
    from {{ ref("int_attribute_onet_elements_checked") }}
    where is_usable
),

attributes as (
    select
        attributes.attribute_number,
        attributes.domain,
        {{ text_number("attributes.attribute_id") }} as attribute_hash,
        attributes_of_onet.attribute_id is not null as is_of_onet,
    from {{ ref("int_attributes") }} as attributes
    left join attributes_of_onet
        on attributes.attribute_id = attributes_of_onet.attribute_id
),

crosswalked_unit_groups as (
    select distinct unit_group
    from {{ ref("int_noc_onet_crosswalk_checked") }}
    where is_usable
),

source_records as (
    select
        precedence_rank,
        value_id,
        source_type,
        is_own,
    from {{ ref("int_source_records") }}
),

known_cells as (
    select
        known_values.*,
        source_records.is_own,
        attributes.domain,
        attributes.is_of_onet,
        jobs.unit_group is not null as has_unit_group,
        crosswalked_unit_groups.unit_group is not null as is_crosswalked,
        mod(
            (jobs.job_hash + attributes.attribute_hash) * 405371717, {{ drawn_of }}
        ) as cell_hash,
    from {{ ref("int_known_values") }} as known_values
    inner join jobs
        on known_values.job_number = jobs.job_number
    inner join attributes
        on known_values.attribute_number = attributes.attribute_number
    inner join source_records
        on
            known_values.precedence_rank = source_records.precedence_rank
            and known_values.value_id = source_records.value_id
    left join crosswalked_unit_groups
        on jobs.unit_group = crosswalked_unit_groups.unit_group
    where {{ per_gap }} > 0 and source_records.source_type <> 'REVIEW'
),

gaps as (
    select distinct source_gap as masked_gap
    from {{ ref("int_source_gaps") }}
),

{%- set can_be_hidden = {
    "job_without_unit_group": "has_unit_group and not is_own",
    "attribute_in_no_source": "not is_own",
    "no_value_reaches_the_job": "has_unit_group and not is_of_onet",
    "unit_group_without_crosswalk": "has_unit_group and is_of_onet and not is_own",
    "onet_codes_without_rating": "is_crosswalked and is_of_onet and not is_own",
} %}

counts as (
    select
    {%- for gap, condition in can_be_hidden.items() %}
    count(case when {{ condition }} then 1 end) as {{ gap }},
    {%- endfor %}
    from known_cells
),

-- Some more than are needed, so that few are put in order.
drawn as (
    {%- for gap, condition in can_be_hidden.items() %}
    select
        known_cells.* exclude (cell_hash),
        mod(known_cells.cell_hash * {{ 2 * loop.index + 1 }}, {{ drawn_of }})
            as cell_hash,
        gaps.masked_gap,
    from known_cells
    inner join gaps
        on gaps.masked_gap = '{{ gap }}'
    cross join counts
    where
        {{ condition }}
        and mod(known_cells.cell_hash * {{ 2 * loop.index + 1 }}, {{ drawn_of }})
        * cast(counts.{{ gap }} as double)
        < cast({{ drawn_of }} as double) * {{ 4 * per_gap + 100 }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by masked_gap
            order by cell_hash asc, job_number asc, attribute_number asc
        ) as place,
        row_number() over (
            partition by masked_gap, job_number
            order by cell_hash asc, attribute_number asc
        ) as place_in_job,
    from drawn
),
{%- if per_job > 1 %}

drawn_jobs as (
    select
        masked_gap,
        job_number,
        domain,
        row_number() over (
            partition by masked_gap
            order by place
        ) as job_place,
    from ranked
    where place_in_job = 1
),

masked_together as (
    {%- for gap, condition in can_be_hidden.items() %}
    select
        known_cells.job_number,
        known_cells.attribute_number,
        known_cells.precedence_rank,
        known_cells.value_id,
        drawn_jobs.masked_gap,
        row_number() over (
            partition by known_cells.job_number
            order by
                case when known_cells.domain = drawn_jobs.domain then 0 else 1 end,
                mod(known_cells.cell_hash * {{ 2 * loop.index + 1 }}, {{ drawn_of }}),
                known_cells.attribute_number
        ) as place_in_job,
        drawn_jobs.job_place,
    from known_cells
    inner join drawn_jobs
        on known_cells.job_number = drawn_jobs.job_number
    where drawn_jobs.masked_gap = '{{ gap }}' and {{ condition }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

placed as (
    select
        *,
        row_number() over (
            partition by masked_gap
            order by job_place asc, place_in_job asc
        ) as place,
    from masked_together
    where place_in_job <= {{ per_job }}
),
{%- endif %}

twin_cells as (
    select
        cast(dense_rank() over (
            order by job_number, masked_gap
        ) + (select max(job_number) from jobs) as integer) as twin_number,
        masked_gap,
        job_number,
        attribute_number,
        precedence_rank,
        value_id,
    from {{ "placed" if per_job > 1 else "ranked" }}
    where place <= {{ per_gap }}
)

select * from twin_cells
