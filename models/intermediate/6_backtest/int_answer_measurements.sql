{%- set probabilities = ref("int_answer_probabilities") %}
{%- if llm_tiers() %}
{%- set probabilities = ref("int_second_tier_probabilities") %}
{%- endif %}
{{ answer_measurements(ref("int_llm_values"), probabilities) }}
