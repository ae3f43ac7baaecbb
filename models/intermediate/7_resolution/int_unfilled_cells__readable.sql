{{ config(materialized="view") }}

{{ readable("int_unfilled_cells") }}
