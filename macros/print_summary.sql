{# The last words of a run that built gold: what was filled, from where, and what
   to do about the rest. #}
{% macro print_summary(results) %}
    {% if execute and flags.WHICH in ["build", "run"] %}
        {% for result in results
            if result.node.name == "gold_job_attributes" and result.status == "success" %}
            {% do log_summary(result.node.relation_name) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{% macro log_summary(gold) %}
    {% set rows = run_query(
        "select fill_status, count(*), count(distinct job_id) from " ~ gold
        ~ " group by fill_status"
    ) %}
    {% set cells = {} %}
    {% for row in rows %}
        {% do cells.update({row[0]: row[1]}) %}
    {% endfor %}
    {% set total = cells.values() | sum %}
    {% set labels = {
        "authoritative": "from authoritative sources", "onet": "from O*NET",
    } %}
    {% set model_labels = {
        "llm": "from the model", "awaiting_llm": "waiting for the model",
        "refused": "refused by the model", "failed": "failed",
        "set_aside": "set aside with their values",
    } %}
    {% for status in cells | sort if status not in labels and status not in model_labels %}
        {% do labels.update({status: "from " ~ status | upper}) %}
    {% endfor %}
    {% do labels.update(model_labels) %}
    {% do say("") %}
    {% do say("JobForge: " ~ total ~ " cells (job × attribute)") %}
    {% for status, label in labels.items() %}
        {% set count = cells.get(status, 0) %}
        {% do say(
            "  " ~ "%-27s" | format(label) ~ "%9d" | format(count)
            ~ "  " ~ "%5.1f" | format(100 * count / total if total else 0) ~ " %"
        ) %}
    {% endfor %}
    {% do log_reasons(gold) %}
    {% do log_unmeasured(gold) %}
    {% do log_accuracy() %}
    {% do log_unmatched_keys() %}
    {% do log_quarantine() %}
{% endmacro %}

{# Why cells are open, the most frequent reasons first. #}
{% macro log_reasons(gold) %}
    {% set rows = run_query(
        "select fill_status, fill_reason, count(*) from " ~ gold
        ~ " where fill_reason is not null group by fill_status, fill_reason"
        ~ " order by count(*) desc, fill_reason limit 5"
    ) %}
    {% for row in rows %}
        {% do say("  " ~ row[2] ~ " " ~ row[0] ~ ": " ~ beginning(row[1], 300)) %}
    {% endfor %}
{% endmacro %}

{# Where a model stands, none where it was never built: a hook may not use ref, and
   the run's selection may lack the model. #}
{% macro relation_of(name) %}
    {% set node = graph.nodes.values() | selectattr("name", "equalto", name) | first %}
    {{ return(adapter.get_relation(
        database=node.database, schema=node.schema, identifier=node.alias
    )) }}
{% endmacro %}

{# What the model's answers are worth, in plain words: what the backtest measured, beside
   the best of what costs nothing. #}
{% macro log_accuracy() %}
    {% set accuracy = relation_of("gold_imputation_accuracy") %}
    {% if not accuracy %}
        {{ return(none) }}
    {% endif %}
    {% set of_model = " from " ~ accuracy ~ " where estimator in ('llm', 'tiers')" %}
    {% for row in run_query(
        "select source_gap, domain, value_type, model_used, cells, mae, exact, best_baseline,"
        ~ " skill, skill_low, skill_high" ~ of_model
        ~ " and not is_thin and skill is not null"
        ~ " order by source_gap, domain, value_type, model_used, prompt_version"
    ) %}
        {% set error = "is off by " ~ "%.2f" | format(row[5]) if row[5] is not none
            else "is right in " ~ "%.0f" | format(100 * row[6]) ~ " %" %}
        {% set verdict = "better than" if row[9] > 0 else "worse than" if row[10] < 0
            else "not shown to be better than" %}
        {% do say(
            "  backtest, " ~ row[0] ~ ", " ~ row[1] ~ " (" ~ row[2] ~ "): "
            ~ beginning(row[3]) ~ " " ~ error ~ " on " ~ row[4] ~ " cells, " ~ verdict ~ " "
            ~ row[7] ~ " (skill " ~ "%.2f, %.2f to %.2f" | format(row[8], row[9], row[10]) ~ ")"
        ) %}
    {% endfor %}
    {% set thin = run_query(
        "select count(*), coalesce(sum(cells), 0)" ~ of_model ~ " and is_thin"
    ).rows[0] %}
    {% if thin[0] %}
        {% do say(
            "  backtest: " ~ thin[0] ~ " strata of fewer than 30 cells (" ~ thin[1]
            ~ " together) decide nothing: raise backtest_cells"
        ) %}
    {% endif %}
{% endmacro %}

{# How sure one may be of what the model filled, and of how much nobody knows. #}
{% macro log_unmeasured(gold) %}
    {% set measured = run_query(
        "select count(*), count(measured_confidence), avg(measured_confidence),"
        ~ " avg(case when measured_confidence is not null then stated_confidence end),"
        ~ " count(case when confidence_basis <> 'text' and measured_confidence is null then 1 end)"
        ~ " from " ~ gold ~ " where fill_status = 'llm'"
    ).rows[0] %}
    {% if measured[1] %}
        {% do say(
            "  model's values: right in " ~ "%.0f" | format(100 * measured[2])
            ~ " % by the backtest (it says " ~ "%.0f" | format(100 * measured[3]) ~ " %), on "
            ~ measured[1] ~ " cells"
        ) %}
    {% endif %}
    {% if measured[4] %}
        {% do say(
            "  model's values: nothing has measured " ~ measured[4] ~ " of them, and their"
            ~ " measured_confidence is null; backtest_cells measures (docs/trust.md)"
        ) %}
    {% endif %}
{% endmacro %}

{# The keys of the inputs that point to nothing. #}
{% macro log_unmatched_keys() %}
    {% set input_keys = relation_of("int_input_keys") %}
    {% if not input_keys %}
        {{ return(none) }}
    {% endif %}
    {% for row in run_query(
        "select input, key_column, rows_without_partner, rows_with_key,"
        ~ " 100 * share_without_partner, points_to, example from "
        ~ input_keys ~ " where rows_without_partner > 0"
        ~ " order by input, key_column, points_to"
    ) if not demo_stands_in(row[0]) %}
        {% do say(
            "  " ~ row[0] ~ "." ~ row[1] ~ ": " ~ row[2] ~ " of " ~ row[3] ~ " ("
            ~ "%.1f" | format(row[4]) ~ " %) are not in " ~ row[5] ~ ", such as "
            ~ beginning(row[6])
        ) %}
    {% endfor %}
{% endmacro %}

{# The rows of the inputs that could not be used. #}
{% macro log_quarantine() %}
    {% set quarantine = relation_of("int_quarantined_rows") %}
    {% if not quarantine %}
        {{ return(none) }}
    {% endif %}
    {% set counts = run_query(
        "select count(case when is_error then 1 end),"
        ~ " count(case when not is_error and not is_used_in_part then 1 end),"
        ~ " count(case when not is_error and is_used_in_part then 1 end) from " ~ quarantine
    ).rows[0] %}
    {% if counts[1] %}
        {% do say(
            "  " ~ counts[1] ~ " input rows are left out by rule (unreliable or not "
            ~ "relevant O*NET figures, repeated crosswalk pairs, the demo's rows that "
            ~ "do not fit your own)"
        ) %}
    {% endif %}
    {% if counts[2] %}
        {% do say(
            "  " ~ counts[2] ~ " input rows had invisible characters in their keys, which "
            ~ "were taken off"
        ) %}
    {% endif %}
    {% if counts[0] %}
        {% do say(
            "  " ~ counts[0] ~ " input rows could not be used; they are in "
            ~ quarantine ~ " with their reasons, the first being:"
        ) %}
        {% for row in run_query(
            "select source_file, source_row, reason from " ~ quarantine
            ~ " where is_error order by source_file, source_row limit 5"
        ) %}
            {% do say("    " ~ row[0] ~ " row " ~ row[1] ~ ", " ~ beginning(row[2], 300)) %}
        {% endfor %}
    {% endif %}
{% endmacro %}
