{{ config(materialized="view") }}

{{ readable("int_comparable_jobs", "int_source_values") }}
