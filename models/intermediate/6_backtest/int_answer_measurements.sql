{{ answer_measurements(ref("int_llm_values")) }}
