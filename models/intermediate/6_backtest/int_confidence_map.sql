-- The contract that a Python model cannot carry itself.
select
    source_gap,
    domain,
    value_type,
    model_used,
    prompt_version,
    feature,
    held_out_fold,
    step,
    cells,
    measured_confidence,
    measured_confidence_low,
    measured_confidence_high,
from {{ ref("llm_confidence_map") }}
