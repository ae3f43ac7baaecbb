-- The cells of which the first model's measured confidence is below the bound; what is
-- not measured stays with the first. A plan has also the cells that the first one has yet
-- to answer: gold_imputation_plan counts them at the share of twins below the bound.
{%- set tiers = llm_tiers() %}
{%- if tiers %}
with first_values as (
    select * from {{ ref("int_first_tier_values") }}
),

measurements as (
    select * from {{ ref("int_first_tier_measurements") }}
),

packs as (
    select * from {{ ref("int_attribute_packs") }}
),

jobs as (
    select
        job_number,
        job_id,
    from {{ ref("int_jobs") }}
),

doubted_cells as (
    select
        jobs.job_id,
        packs.attribute_id,
    from first_values
    inner join measurements
        on first_values.value_id = measurements.value_id
    inner join jobs
        on first_values.job_number = jobs.job_number
    inner join packs
        on first_values.attribute_number = packs.attribute_number
    where
        not first_values.is_superseded
        and measurements.measured_confidence < {{ tiers.below }}
    {%- if var("llm_mode") | string | trim | lower == "plan" %}
    union all
    select
        job_id,
        attribute_id,
    from {{ ref("int_llm_imputed_attributes") }}
    where outcome = 'awaiting_llm' and estimated_calls > 0
    {%- endif %}
),

packed_cells as (
    select
        doubted_cells.job_id,
        packs.pack_id,
        {{ list_agg("packs.attribute_id", "packs.pack_position") }} as attribute_ids,
    from doubted_cells
    inner join packs
        on doubted_cells.attribute_id = packs.attribute_id
    group by doubted_cells.job_id, packs.pack_id
)

select
    requests.request_order,
    requests.job_id,
    requests.job_title,
    requests.job_family,
    requests.job_function,
    requests.unit_group,
    requests.unit_group_title,
    requests.pack_id,
    packed_cells.attribute_ids,
    requests.known_attributes,
    requests.comparable_jobs,
    requests.masked_gap,
from {{ ref("int_imputation_requests") }} as requests
inner join packed_cells
    on
        requests.job_id = packed_cells.job_id
        and requests.pack_id = packed_cells.pack_id
where requests.masked_gap is null
{%- else %}
select * from {{ ref("int_imputation_requests") }}
where false
{%- endif %}
