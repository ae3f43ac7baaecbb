{{ config(materialized="view") }}

{{ readable("int_known_values", "int_source_values") }}
