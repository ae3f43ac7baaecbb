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
    {% for input, names in var("columns").items() %}
        {% set contract = input_contract().get(input) %}
        {% if not contract %}
            {% do problems.append(
                "the var columns names the input `" ~ input ~ "`; the inputs are "
                ~ input_contract().keys() | join(", ")
            ) %}
        {% else %}
            {% for column, name in (names or {}).items() %}
                {% if column not in contract %}
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
    {% set files = [] %}
    {% for input in input_contract() if input_is_from(input, "files") %}
        {% for file in publisher_files(input) %}
            {% do files.append(dict(file, input=input)) %}
        {% endfor %}
    {% endfor %}
    {% set problems = address_problems() if files else [] %}
    {% if problems or not files %}
        {{ return(problems) }}
    {% endif %}
    {% set were_fetched = not files_may_be_remote() and let_extensions_be_fetched(false) %}
    {% set releases = release_problems(files) %}
    {% do problems.extend(releases.values()) %}
    {% for file in files if file.var not in releases %}
        {% do problems.extend(file_problems(file.input, file, readings)) %}
    {% endfor %}
    {% do say_what_is_not_read() %}
    {% do say_releases_of_files(files) %}
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

{# What is wrong with a file of an input. What was read of it is added to readings. #}
{% macro file_problems(input, file, readings) %}
    {% set found = glob_names(file.pattern) %}
    {% if not found %}
        {{ return(["the file " ~ file.path ~ " (input " ~ input
            ~ ") is not there: correct the var " ~ file.var ~ " or data_dir"]) }}
    {% endif %}
    {% set problems = [] %}
    {% set rows = [] %}
    {% if found | length > 1 %}
        {% do warn_of(
            "several files match " ~ file.path ~ " (input " ~ input ~ "), and all of them are "
            ~ "read: " ~ found | sort | join(", ")
        ) %}
    {% endif %}
    {% set by_hand = file.get("by_hand", false) %}
    {% for path in found %}
        {% set fault = text_fault(path, by_hand) %}
        {% if fault %}
            {% do problems.append("the file " ~ path ~ " " ~ fault ~ " (input " ~ input ~ ")") %}
        {% endif %}
    {% endfor %}
    {% if problems %}
        {{ return(problems) }}
    {% endif %}
    {% for path in found %}
        {% set records = file_records(path, by_hand) %}
        {% set is_empty = not records.rows and not records.broken %}
        {% set header = [] if is_empty or by_hand and records.broken
            else file_header(path, by_hand) %}
        {% for record in records.broken %}
            {% do problems.append("the file " ~ path ~ " " ~ record ~ " (input " ~ input ~ ")") %}
        {% endfor %}
        {% if is_empty %}
            {% do problems.append(
                "the file " ~ path ~ " has no row below a header (input " ~ input
                ~ "): export it again" ~ (
                    ", or empty the var " ~ file.var ~ " where there are none"
                    if file.get("is_optional") else ""
                )
            ) %}
        {% endif %}
        {% for column in file.columns if header and column not in header %}
            {% do problems.append(
                "the file " ~ path ~ " has no column `" ~ column ~ "` (input " ~ input
                ~ "); its columns are " ~ header[:12] | join(", ")
                ~ (", …" if header | length > 12 else "")
                ~ (". The var columns can map another name" if by_hand else "")
            ) %}
        {% endfor %}
        {% for column in header | unique if header | select("equalto", column) | list | length > 1
            and (column in file.columns or not by_hand) %}
            {% do problems.append(
                "the file " ~ path ~ " has several columns `" ~ column ~ "` (input " ~ input
                ~ "): leave the one that is meant"
            ) %}
        {% endfor %}
        {% if file.var == "onet_dir" and not problems %}
            {% set scales = scale_problem(path) %}
            {% if scales %}
                {% do problems.append(
                    "the file " ~ path ~ " is of a release of O*NET that is not read: its scales "
                    ~ "are " ~ scales ~ ", and IM and LV are read, which releases up to 30.0 have "
                    ~ "(input " ~ input ~ ")"
                ) %}
            {% endif %}
        {% endif %}
        {% do rows.append(records.rows) %}
    {% endfor %}
    {% if not problems %}
        {% do readings.append({
            "input": input, "source": file.source, "rows": rows | sum,
            "path": "the file " ~ file.path,
        }) %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}

{# The names in a file's header, as the readers see them. #}
{% macro file_header(path, by_hand) %}
    {{ return(adapter.dispatch("file_header", "jobforge")(path, by_hand)) }}
{% endmacro %}

{% macro duckdb__file_header(path, by_hand) %}
    {% if by_hand %}
        {% set query %}
            select unnest({{ csv_fields("records[1]") }})
            from (
                select {{ csv_text_records() }} as records
                from read_text({{ file_literal(path) }})
            )
        {% endset %}
    {% else %}
        {# The first line as it stands: a reader that guesses may take a later one. #}
        {% set query %}
            select unnest(
                {%- if path.endswith(".txt") %}
                string_split(trim(line, chr(13)), chr(9))
                {%- else %}
                {{ csv_fields("line") }}
                {%- endif %}
            )
            from (
                select line
                from read_csv(
                    {{ file_literal(path) }}, auto_detect = false, header = false,
                    columns = {'line': 'VARCHAR'}, delim = '{{ "\x01" }}',
                    quote = '', escape = '', ignore_errors = true
                )
                limit 1
            )
        {% endset %}
    {% endif %}
    {{ return(run_query(query).columns[0].values()) }}
{% endmacro %}

{# How many rows a file has below its header, and what is wrong with those that cannot
   be cut into its columns. A record of a file kept by hand that has too many or too
   few fields goes into quarantine instead; only a quote without its partner spoils
   all after it. #}
{% macro file_records(path, by_hand) %}
    {{ return(adapter.dispatch("file_records", "jobforge")(path, by_hand)) }}
{% endmacro %}

{% macro duckdb__file_records(path, by_hand) %}
    {% if by_hand %}
        {% set broken = unpaired_quotes(path) %}
        {{ return({
            "broken": broken, "rows": 0 if broken else hand_kept_rows(path),
        }) }}
    {% endif %}
    {% set tab = path.endswith(".txt") %}
    {% set quote = "" if tab else '"' %}
    {% set columns = [] %}
    {% for _ in file_header(path, false) %}
        {% do columns.append("'c" ~ loop.index ~ "': 'VARCHAR'") %}
    {% endfor %}
    {% if not columns %}
        {{ return({"broken": [], "rows": 0}) }}
    {% endif %}
    {% do run_query("drop table if exists temp.jobforge_rejected_rows") %}
    {% do run_query("drop table if exists temp.jobforge_rejected_scans") %}
    {% set query %}
        select count(*) from read_csv(
            {{ file_literal(path) }}, auto_detect = false, header = true,
            columns = { {{- columns | join(", ") -}} },
            delim = '{{ "\t" if tab else "," }}',
            quote = '{{ quote }}', escape = '{{ quote }}',
            ignore_errors = true, store_rejects = true,
            rejects_table = 'jobforge_rejected_rows',
            rejects_scan = 'jobforge_rejected_scans'
        )
    {% endset %}
    {% set rows = run_query(query).columns[0].values()[0] %}
    {% set query %}
        select
            line,
            min(try_cast(
                regexp_extract(error_message, 'Found: ([0-9]+)', 1) as integer
            )) as fields,
            min(error_type) as error_type,
        from temp.jobforge_rejected_rows
        group by line
        order by line
        limit 5
    {% endset %}
    {% set broken = [] %}
    {% for row in run_query(query) %}
        {% do broken.append("row " ~ row[0] ~ (
            " has " ~ row[1] ~ " fields, the header " ~ columns | length
            if row[1] is not none
            else " has a double quote without its partner"
            if row[2] | string == "UNQUOTED VALUE"
            else " cannot be read: " ~ row[2] | lower
        )) %}
    {% endfor %}
    {{ return({"broken": broken, "rows": rows}) }}
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
