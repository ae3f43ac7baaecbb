{# How many rows each file or table of an input had when the input was last built: kept
   beside the checked inputs, so that a file that was cut off is seen before gold is
   built on what is left of it. A run notes its counts at its start, and at its end
   keeps those of the inputs that it built; a run that fails keeps none. The demo's rows
   are not counted, and an input that comes from elsewhere than before is compared with
   nothing. Each of `readings` is {input, source, path, rows} of one file or table. #}
{% macro row_count_problems(readings) %}
    {% set share = var("input_max_drop_share") | float(-1) %}
    {% if not 0 <= share <= 1 %}
        {{ return(["the var input_max_drop_share is `" ~ var("input_max_drop_share")
            ~ "`; it must be a number from 0 to 1"]) }}
    {% endif %}
    {% set problems = [] %}
    {% set what_to_do = "put back what is missing, or set the var input_max_drop_share (now "
        ~ share ~ ") to 1 for one run where it is meant" %}
    {% for row in last_row_counts() %}
        {% set now = readings | selectattr("input", "equalto", row[0])
            | selectattr("source", "equalto", row[1]) | first %}
        {% if not now and optional_file_is_unnamed(row[0], row[1]) and share < 1 %}
            {% do problems.append(
                "the var " ~ row[1] ~ " is empty, and in the last build named a file of "
                ~ row[2] ~ " rows (input " ~ row[0] ~ "): " ~ what_to_do
            ) %}
        {% elif now and row[2] - now.rows > share * row[2] %}
            {% do problems.append(
                now.path ~ " (input " ~ row[0] ~ ") has " ~ now.rows
                ~ " rows, and in the last build had " ~ row[2] ~ ": " ~ what_to_do
            ) %}
        {% endif %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}

{# Whether an input is still read from files, but no longer from this one. #}
{% macro optional_file_is_unnamed(input, source) %}
    {{ return(
        source in ["attributes_file", "authoritative_values_file"]
        and not var(source) and input_is_from(input, "files")
    ) }}
{% endmacro %}

{% macro last_row_counts() %}
    {% set relation = row_counts_relation() %}
    {% if flags.EMPTY or not load_relation(relation) %}
        {{ return([]) }}
    {% endif %}
    {{ return(run_query(
        "select input, source, row_count from " ~ relation
        ~ " where is_built order by input, source"
    )) }}
{% endmacro %}

{# At the start: what the inputs have now that this run is to build. #}
{% macro note_row_counts(readings) %}
    {% if flags.EMPTY or flags.WHICH not in ["build", "run"] %}
        {{ return(none) }}
    {% endif %}
    {% for input in last_row_counts() | map(attribute=0) | unique
        if input_modes(input) == ["demo"] %}
        {% do warn_of(
            "The demo's rows take the place of your own in the input " ~ input
            ~ ": set the var input or JOBFORGE_INPUT where that is not meant."
        ) %}
    {% endfor %}
    {% set rows = [] %}
    {% for reading in readings
        if "model.jobforge.int_" ~ reading.input ~ "_checked" in selected_resources %}
        {% do rows.append(
            "select '" ~ reading.input ~ "' as input, '" ~ reading.source
            ~ "' as source, " ~ reading.rows ~ " as row_count, false as is_built"
        ) %}
    {% endfor %}
    {% set relation = row_counts_relation() if rows %}
    {% if not rows %}
        {{ return(none) }}
    {% elif load_relation(relation) %}
        {% do write_row_counts([
            "delete from " ~ relation ~ " where not is_built",
            "insert into " ~ relation ~ " " ~ rows | join(" union all "),
        ]) %}
    {% else %}
        {% do write_row_counts(
            ["create table " ~ relation ~ " as " ~ rows | join(" union all ")]
        ) %}
        {% do adapter.cache_added(relation) %}
    {% endif %}
{% endmacro %}

{# A hook's statements stay only where they are committed: dbt opens a transaction as
   soon as it looks at a table. #}
{% macro write_row_counts(statements) %}
    {% for sql in statements %}
        {% call statement("row_counts", auto_begin=true) %}{{ sql }}{% endcall %}
    {% endfor %}
    {% do adapter.commit() %}
{% endmacro %}

{# At the end: those of the inputs that were built take the place of the earlier ones,
   where no model failed. #}
{% macro keep_row_counts(results) %}
    {% set models = results | selectattr("node.resource_type", "equalto", "model") | list %}
    {% set failed = models | selectattr("status", "in", ["error", "skipped"]) | list %}
    {% set names = models | map(attribute="node.unique_id") | list %}
    {% set built = [] %}
    {% for input in input_contract() if "model.jobforge.int_" ~ input ~ "_checked" in names %}
        {% do built.append("'" ~ input ~ "'") %}
    {% endfor %}
    {% set relation = row_counts_relation() if built and not failed and not flags.EMPTY %}
    {% if relation and load_relation(relation) %}
        {% do write_row_counts([
            "create or replace table " ~ relation
            ~ " as select input, source, row_count, true as is_built from " ~ relation
            ~ " where is_built = (input not in (" ~ built | join(", ") ~ "))"
        ]) %}
    {% endif %}
{% endmacro %}

{% macro row_counts_relation() %}
    {% set node = graph.nodes["model.jobforge.int_jobs_checked"] %}
    {{ return(api.Relation.create(
        database=node.database, schema=node.schema,
        identifier="input_row_counts", type="table"
    )) }}
{% endmacro %}
