{{ config(materialized="view") }}

{{ answer_measurements(
    ref("int_first_tier_values"), ref("int_answer_probabilities")
) }}
