{# Runs before everything else: says which file or table is missing, which column
   in it, or which of its rows cannot be read, before a model fails on it in the
   database's words. #}
{% macro check_inputs() %}
    {% if execute and flags.WHICH in ["build", "run", "seed", "test", "snapshot"] %}
        {% set problems = [] %}
        {% set readings = [] %}
        {% for input in input_contract() if input_is_from(input, "tables") %}
            {% do problems.extend(table_problems(input, readings)) %}
        {% endfor %}
        {% do problems.extend(files_problems(readings)) %}
        {% do problems.extend(row_count_problems(readings)) %}
        {% do problems.extend(columns_problems()) %}
        {% for name, least in {
            "llm_attributes_per_call": 1, "llm_known_attributes": 1, "llm_comparable_jobs": 1,
            "backtest_cells": 0,
        }.items() if var(name) | int(-1) < least %}
            {% do problems.append(
                "the var " ~ name ~ " is `" ~ var(name) ~ "`; it must be a whole number from "
                ~ least
            ) %}
        {% endfor %}
        {% if problems %}
            {{ stop_for(
                "The inputs are not all there:\n  - " ~ problems | join("\n  - ")
                ~ "\nSee docs/input_contract.md."
            ) }}
        {% endif %}
        {% do note_row_counts(readings) %}
    {% endif %}
{% endmacro %}

{# What is wrong with the var `columns`. #}
{% macro columns_problems() %}
    {% set problems = [] %}
    {% set known = dict(input_contract()) %}
    {% for name, table in publisher_tables().items() if name not in known %}
        {% do known.update({name: dict(table.columns, **table.get("optional", {}))}) %}
    {% endfor %}
    {% for input, names in var("columns").items() %}
        {% set contract = known.get(input) %}
        {% if not contract %}
            {% do problems.append(
                "the var columns names the input `" ~ input ~ "`; the inputs are "
                ~ input_contract().keys() | join(", ") ~ ", and the tables of publishers' files "
                ~ known.keys() | reject("in", input_contract()) | join(", ")
            ) %}
        {% else %}
            {% for column, name in (names or {}).items() %}
                {% if column not in contract
                    and not publisher_tables().get(input, {}).get("is_wide") %}
                    {% do problems.append(
                        "the var columns names " ~ input ~ "." ~ column
                        ~ ", which the input does not have; its columns are "
                        ~ contract.keys() | join(", ")
                    ) %}
                {% elif name is not none and name is not string %}
                    {% do problems.append(
                        "the var columns maps " ~ input ~ "." ~ column ~ " to `" ~ name
                        ~ "`, which is no text in YAML (No, Yes, On and Off are truth values"
                        ~ " there): put the name into quotes"
                    ) %}
                {% endif %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}

{# What is wrong with the files of all inputs. What was read of them is added to
   readings. #}
{% macro files_problems(readings) %}
    {% set own, tables = [], [] %}
    {% for input in input_contract() if input_is_from(input, "files") %}
        {% do tables.extend(publisher_tables_of(input)) %}
        {% for file in own_files(input) %}
            {% do own.append(dict(file, input=input)) %}
        {% endfor %}
    {% endfor %}
    {% set problems = publisher_files_problems() %}
    {% if own or tables %}
        {% do problems.extend(address_problems()) %}
    {% endif %}
    {% if problems or not (own or tables) %}
        {{ return(problems) }}
    {% endif %}
    {% set were_fetched = not files_may_be_remote() and let_extensions_be_fetched(false) %}
    {% for file in own %}
        {% do problems.extend(own_file_problems(file.input, file, readings)) %}
    {% endfor %}
    {% for name in tables %}
        {% do problems.extend(publisher_table_problems(name, readings)) %}
    {% endfor %}
    {% do say_what_is_not_read() %}
    {% do say_releases_of_files(tables) %}
    {% if were_fetched %}
        {% do let_extensions_be_fetched(true) %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}

{# Files of OaSIS that lie there and are not read, since the organisation's own do
   without them. #}
{% macro say_what_is_not_read() %}
    {% for input in ["attributes", "authoritative_values"]
        if input_is_from(input, "files") and not is_from_oasis_files(input) %}
        {% set files = var("oasis_dir") ~ "/*_oasis*.csv" %}
        {% if glob_names(path_pattern(files)) %}
            {% do say(
                "The input " ~ input ~ " is read from " ~ input ~ "_file alone, not from "
                ~ data_dir() ~ "/" ~ files ~ ": input_oasis_profiles is neither files nor tables"
            ) %}
        {% endif %}
    {% endfor %}
{% endmacro %}

{# What is wrong with a file of the organisation's own. What was read of it is added to
   readings. #}
{% macro own_file_problems(input, file, readings) %}
    {% set found = glob_names(file.pattern) %}
    {% if not found %}
        {{ return(["the file " ~ file.path ~ " (input " ~ input
            ~ ") is not there: correct the var " ~ file.var ~ " or data_dir"]) }}
    {% endif %}
    {% do warn_of_several(file.path, found, input) %}
    {% set problems = text_faults(found, true, input) %}
    {% if problems %}
        {{ return(problems) }}
    {% endif %}
    {% set rows = [] %}
    {% for path in found %}
        {% set broken = unpaired_quotes(path) %}
        {% set row_count = 0 if broken else hand_kept_rows(path) %}
        {% set header = own_file_header(path) if row_count else [] %}
        {% for record in broken %}
            {% do problems.append("the file " ~ path ~ " " ~ record ~ " (input " ~ input ~ ")") %}
        {% endfor %}
        {% if not row_count and not broken %}
            {% do problems.append(
                "the file " ~ path ~ " has no row below a header (input " ~ input
                ~ "): export it again" ~ (
                    ", or empty the var " ~ file.var ~ " where there are none"
                    if file.is_optional else ""
                )
            ) %}
        {% endif %}
        {% for column in file.columns if header and column not in header %}
            {% do problems.append(no_column(path, "`" ~ column ~ "`", input, header)) %}
        {% endfor %}
        {% for column in file.columns
            if header | select("equalto", column) | list | length > 1 %}
            {% do problems.append(column_twice(path, column, input)) %}
        {% endfor %}
        {% do rows.append(row_count) %}
    {% endfor %}
    {% if not problems %}
        {% do readings.append({
            "input": input, "source": file.source, "rows": rows | sum,
            "path": "the file " ~ file.path,
        }) %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}

{% macro warn_of_several(path, found, input) %}
    {% if found | length > 1 %}
        {% do warn_of(
            "several files match " ~ path ~ " (input " ~ input ~ "), and all of them are "
            ~ "read: " ~ found | sort | join(", ")
        ) %}
    {% endif %}
{% endmacro %}

{% macro text_faults(found, by_hand, input) %}
    {% set problems = [] %}
    {% for path in found %}
        {% set fault = text_fault(path, by_hand) %}
        {% if fault %}
            {% do problems.append("the file " ~ path ~ " " ~ fault ~ " (input " ~ input ~ ")") %}
        {% endif %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}

{% macro no_column(path, column, input, header) %}
    {{ return(
        "the file " ~ path ~ " has no column " ~ column ~ " (input " ~ input
        ~ "); its columns are " ~ header[:12] | join(", ")
        ~ (", …" if header | length > 12 else "")
        ~ ". The var columns can map another name"
    ) }}
{% endmacro %}

{% macro column_twice(path, column, input) %}
    {{ return(
        "the file " ~ path ~ " has several columns `" ~ column ~ "` (input " ~ input
        ~ "): leave the one that is meant"
    ) }}
{% endmacro %}

{# The names in the header of a file kept by hand, as its reader sees them. #}
{% macro own_file_header(path) %}
    {{ return(adapter.dispatch("own_file_header", "jobforge")(path)) }}
{% endmacro %}

{% macro duckdb__own_file_header(path) %}
    {% set query %}
        select unnest({{ csv_fields("records[1]") }})
        from (
            select {{ csv_text_records() }} as records
            from read_text({{ file_literal(path) }})
        )
    {% endset %}
    {{ return(run_query(query).columns[0].values()) }}
{% endmacro %}

{# How many records of a file kept by hand stand below its header; one of blanks and
   commas alone is none. #}
{% macro hand_kept_rows(path) %}
    {% set query %}
        select greatest(0, len(list_filter(
            {{ csv_text_records() }},
            lambda record: regexp_matches(record, '[^",\s\xA0]')
        )) - 1)
        from read_text({{ file_literal(path) }})
    {% endset %}
    {{ return(run_query(query).columns[0].values()[0]) }}
{% endmacro %}

{# The lines of a file that may hold a double quote without its partner; none
   where every quote has one. #}
{% macro unpaired_quotes(path) %}
    {% set query %}
        select array_to_string(list_filter(
            range(1, len(lines) + 1),
            lambda line: len(replace(lines[line], '"', '')) % 2
                <> len(lines[line]) % 2
        )[1:10], ', ')
        from (
            select
                content,
                string_split({{ csv_text("content") }}, chr(10)) as lines,
            from read_text({{ file_literal(path) }})
        )
        where len(replace(content, '"', '')) % 2 <> len(content) % 2
    {% endset %}
    {% set broken = [] %}
    {% for row in run_query(query) %}
        {% do broken.append(
            "has a double quote without its partner on one of the lines "
            ~ row[0] ~ ": write a quote inside quoted text twice"
        ) %}
    {% endfor %}
    {{ return(broken) }}
{% endmacro %}

{# The same of a table. #}
{% macro table_problems(input, readings) %}
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
    {% set rows = run_query("select count(*) from " ~ relation).columns[0].values()[0] %}
    {% if not rows and input_modes(input) == ["tables"] and input in ["jobs", "attributes"]
        and not flags.EMPTY %}
        {% do problems.append(
            "the table " ~ wanted ~ " (input " ~ input ~ ") has no row: load it again"
        ) %}
    {% endif %}
    {% do readings.append({
        "input": input, "source": "tables", "path": "the table " ~ wanted, "rows": rows,
    }) %}
    {{ return(problems) }}
{% endmacro %}
