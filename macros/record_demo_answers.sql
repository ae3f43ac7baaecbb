{# Keeps the answers of the last run as the demo's recording, which
   `llm_mode: replay` gives out again. `make record-demo` calls it. #}
{% macro record_demo_answers() %}
    {% set columns = "question_key, job_id, attribute_id, value, confidence, rationale,"
        ~ " model_requested, model_used, prompt_version, request_id, imputed_at, outcome" %}
    {% set answers = "(select " ~ columns ~ " from " ~ ref("int_llm_imputed_attributes")
        ~ " union all select " ~ columns ~ " from " ~ ref("int_second_tier_answers")
        ~ " union all select " ~ columns ~ " from " ~ ref("llm_backtest_answers") ~ ")" %}
    {% set path = "seeds/demo/demo_llm_recorded_answers.csv" %}
    {% do run_query(
        "copy (select question_key, job_id, attribute_id, value, confidence, rationale,"
        ~ " model_requested, model_used, prompt_version, request_id,"
        ~ " strftime(imputed_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S+00') as imputed_at"
        ~ " from " ~ answers ~ " where outcome = 'answered'"
        ~ " order by job_id, attribute_id) to '" ~ path ~ "' (header, delimiter ',')"
    ) %}
    {% set open_cells = run_query(
        "select count(*) from " ~ answers ~ " where outcome <> 'answered'"
    ).rows[0][0] %}
    {% do say(
        "Recorded the answers in " ~ path ~ "; " ~ open_cells
        ~ " cells have none"
    ) %}
{% endmacro %}
