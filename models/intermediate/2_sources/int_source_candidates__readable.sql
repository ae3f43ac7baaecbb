{{ config(materialized="view") }}

{{ readable("int_source_candidates", "int_source_values") }}
