{{ config(materialized="view") }}

{{ readable("int_cells") }}
