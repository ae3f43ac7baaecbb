-- The contract that a Python model cannot carry itself.
{{ typed_outcomes(ref("llm_second_tier_answers")) }}
