{{ config(materialized="view") }}

{{ readable("int_missing_cells") }}
