-- Requests of one pack follow each other: they begin with the same bytes, which
-- the provider can cache. The twins' come last, and are not the run's to ask.
with asked_cells as (
    select * from {{ ref("int_asked_cells") }}
),

packs as (
    select * from {{ ref("int_attribute_packs") }}
),

jobs as (
    select
        job_number,
        job_id,
        job_title,
        job_family,
        job_function,
        unit_group,
        cast(null as {{ dbt.type_string() }}) as masked_gap,
    from {{ ref("int_jobs") }}
    union all
    select
        twin_number as job_number,
        job_id,
        job_title,
        job_family,
        job_function,
        unit_group,
        masked_gap,
    from {{ ref("int_twin_jobs") }}
),

unit_groups as (
    select * from {{ ref("int_noc_structure_checked") }}
    where is_usable and noc_level = 5
),

known_attributes as (
    select
        job_number,
        {{ list_agg(
            struct_of({"attribute_name": "attribute_name", "value": "value"}),
            "information_rank"
        ) }} as known_attributes,
    from {{ ref("int_known_attributes") }}
    group by job_number
),

comparable_jobs as (
    select * from {{ ref("int_request_comparable_jobs") }}
),

packed_cells as (
    select
        asked_cells.job_number,
        packs.pack_id,
        {{ list_agg("packs.attribute_id", "packs.pack_position") }} as attribute_ids,
    from asked_cells
    inner join packs
        on asked_cells.attribute_number = packs.attribute_number
    group by asked_cells.job_number, packs.pack_id
),

requests as (
    select
        row_number() over (
            order by
                case when jobs.masked_gap is null then 0 else 1 end,
                packed_cells.pack_id,
                packed_cells.job_number
        ) as request_order,
        jobs.job_id,
        jobs.job_title,
        jobs.job_family,
        jobs.job_function,
        jobs.unit_group,
        unit_groups.class_title as unit_group_title,
        packed_cells.pack_id,
        packed_cells.attribute_ids,
        known_attributes.known_attributes,
        comparable_jobs.comparable_jobs,
        jobs.masked_gap,
    from packed_cells
    inner join jobs
        on packed_cells.job_number = jobs.job_number
    left join unit_groups
        on jobs.unit_group = unit_groups.noc_code
    left join known_attributes
        on packed_cells.job_number = known_attributes.job_number
    left join comparable_jobs
        on
            packed_cells.job_number = comparable_jobs.job_number
            and packed_cells.pack_id = comparable_jobs.pack_id
)

select * from requests
