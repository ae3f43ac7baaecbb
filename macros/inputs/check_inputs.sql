{# Runs before everything else: says which file or table is missing, or which
   column in it, before a model fails on it in the database's words. #}
{% macro check_inputs() %}
    {% if execute and flags.WHICH in ["build", "run", "seed", "test", "snapshot"] %}
        {% set problems = [] %}
        {% for input in input_contract() %}
            {% for mode in input_modes(input) %}
                {% if mode == "files" %}
                    {% for file in publisher_files(input) %}
                        {% do problems.extend(file_problems(input, file)) %}
                    {% endfor %}
                {% elif mode == "tables" %}
                    {% do problems.extend(table_problems(input)) %}
                {% endif %}
            {% endfor %}
        {% endfor %}
        {% for name in var("columns") if name not in input_contract() %}
            {% do problems.append(
                "the var columns names the input `" ~ name ~ "`; the inputs are "
                ~ input_contract().keys() | join(", ")
            ) %}
        {% endfor %}
        {% if problems %}
            {{ exceptions.raise_compiler_error(
                "The inputs are not all there:\n  - " ~ problems | join("\n  - ")
                ~ "\nSee docs/input_contract.md."
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}

{% macro file_problems(input, file) %}
    {% set path = file.path | replace("'", "''") %}
    {% set found = run_query("select file from glob('" ~ path ~ "')").columns[0].values() %}
    {% if not found %}
        {{ return(["the file " ~ file.path ~ " (input " ~ input
            ~ ") is not there: correct the var " ~ file.var ~ " or data_dir"]) }}
    {% endif %}
    {% set problems = [] %}
    {% for path in found %}
        {% set header = file_header(path, file.get("by_hand", false)) %}
        {% for column in file.columns if column not in header %}
            {% do problems.append(
                "the file " ~ path ~ " has no column `" ~ column ~ "` (input " ~ input
                ~ "); its columns are " ~ header[:12] | join(", ")
                ~ (", …" if header | length > 12 else "")
                ~ (". The var columns can map another name" if file.get("by_hand") else "")
            ) %}
        {% endfor %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}

{# The names in a file's header, as the readers see them. #}
{% macro file_header(path, by_hand) %}
    {{ return(adapter.dispatch("file_header", "jobforge")(path, by_hand)) }}
{% endmacro %}

{% macro duckdb__file_header(path, by_hand) %}
    {% set path = path | replace("'", "''") %}
    {% if by_hand %}
        {% set query %}
            select unnest({{ csv_fields("records[1]") }})
            from (
                select {{ csv_text_records() }} as records
                from read_text('{{ path }}')
            )
        {% endset %}
    {% else %}
        {% set tab = path.endswith(".txt") %}
        {% set query %}
            select column_name from (
                describe select * from read_csv(
                    '{{ path }}', header = true, all_varchar = true,
                    delim = '{{ "\t" if tab else "," }}',
                    quote = '{{ "" if tab else '"' }}', escape = '{{ "" if tab else '"' }}'
                )
            )
        {% endset %}
    {% endif %}
    {{ return(run_query(query).columns[0].values()) }}
{% endmacro %}

{% macro table_problems(input) %}
    {% set wanted = source("warehouse", input) %}
    {% set relation = load_relation(wanted) %}
    {% if not relation %}
        {{ return(["the table " ~ wanted ~ " (input " ~ input ~ ") is not there: "
            ~ "correct the var tables, tables_schema or tables_database"]) }}
    {% endif %}
    {% set present = relation_columns(relation) %}
    {% set problems = [] %}
    {% for column in contract_columns(input) if column | lower not in present %}
        {% do problems.append(
            "the table " ~ wanted ~ " has no column `" ~ column ~ "` (input " ~ input
            ~ "); its columns are " ~ present | join(", ")
            ~ ". The var columns can map another name"
        ) %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}
