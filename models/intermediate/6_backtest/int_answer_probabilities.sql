-- The contract that a Python model cannot carry itself.
{{ typed_probabilities(ref("llm_answer_probabilities")) }}
