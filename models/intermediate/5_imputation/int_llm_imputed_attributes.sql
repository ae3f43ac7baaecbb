-- The contract that a Python model cannot carry itself.
{{ typed_outcomes(ref("llm_imputed_attributes")) }}
