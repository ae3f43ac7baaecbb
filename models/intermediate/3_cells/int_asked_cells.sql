-- The cells that are missing, and the twins, which are asked in the same way.
{{ config(materialized="view") }}

select
    job_number,
    attribute_number,
from {{ ref("int_missing_cells") }}
union all
select
    twin_number as job_number,
    attribute_number,
from {{ ref("int_twin_cells") }}
