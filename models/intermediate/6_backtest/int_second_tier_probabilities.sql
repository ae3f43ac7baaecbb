-- The contract that a Python model cannot carry itself.
{{ typed_probabilities(ref("llm_second_tier_probabilities")) }}
