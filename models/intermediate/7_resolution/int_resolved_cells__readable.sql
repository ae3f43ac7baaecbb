{{ config(materialized="view") }}

{{ readable("int_resolved_cells", "int_candidate_values") }}
