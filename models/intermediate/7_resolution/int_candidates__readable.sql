{{ config(materialized="view") }}

{{ readable("int_candidates", "int_candidate_values") }}
