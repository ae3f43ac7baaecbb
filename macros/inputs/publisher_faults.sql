{# What is wrong with the files of a publisher's table. What was read of them is added to
   readings. #}
{% macro publisher_table_problems(name, readings) %}
    {% set input = publisher_tables()[name].input %}
    {% set located = publisher_paths(name) %}
    {% if located.problems %}
        {{ return(located.problems) }}
    {% endif %}
    {% if not located.is_split %}
        {% do warn_of_several(located.path, located.files, input) %}
    {% endif %}
    {% set problems = text_faults(located.files, false, input) %}
    {% if problems %}
        {{ return(problems) }}
    {% endif %}
    {% set rows = [] %}
    {% for path in located.files %}
        {% set layout = publisher_layout(path, name) %}
        {% set records = publisher_records(path, layout) %}
        {% do rows.append(records.rows) %}
        {% do problems.extend(publisher_file_problems(path, name, layout, records)) %}
    {% endfor %}
    {% if not problems %}
        {% do readings.append({
            "input": input, "source": located.source, "rows": rows | sum,
            "path": "the file " ~ located.path,
        }) %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}

{# What is wrong with one of them. #}
{% macro publisher_file_problems(path, name, layout, records) %}
    {% set table = publisher_tables()[name] %}
    {% set input = table.input %}
    {% set problems = [] %}
    {% for record in records.broken %}
        {% do problems.append("the file " ~ path ~ " " ~ record ~ " (input " ~ input ~ ")") %}
    {% endfor %}
    {% if not records.rows and not records.broken %}
        {% do problems.append(
            "the file " ~ path ~ " has no row below a header (input " ~ input
            ~ "): export it again"
        ) %}
        {{ return(problems) }}
    {% endif %}
    {% for names in layout.missing %}
        {% do problems.append(no_column(
            path, "`" ~ names | join("` or `") ~ "`", input, layout.header
        )) %}
    {% endfor %}
    {% set cells, twice = [], [] %}
    {% for cell in layout.header if cell %}
        {% if cell | lower in cells and cell | lower not in twice %}
            {% do problems.append(column_twice(path, cell, input)) %}
            {% do twice.append(cell | lower) %}
        {% endif %}
        {% do cells.append(cell | lower) %}
    {% endfor %}
    {% if table.get("is_wide") and not layout.missing
        and layout.names | length <= table.columns | length %}
        {% do problems.append(
            "the file " ~ path ~ " has no rating column (input " ~ input ~ "); its columns are "
            ~ layout.header | join(", ")
        ) %}
    {% endif %}
    {% if input == "onet_ratings" and not problems %}
        {% set scales = unread_scales(path, layout, name) %}
        {% if scales %}
            {% do problems.append(
                "the file " ~ path ~ " is of a release of O*NET that is not read: its scales "
                ~ "are " ~ scales ~ ", and IM, LV and WI are read (input " ~ input ~ ")"
            ) %}
        {% endif %}
    {% elif name == "oasis_guide" and not problems and not descriptors(path, layout, name) %}
        {% do problems.append(
            "the file " ~ path ~ " has no row whose `" ~ names_of(name, "structure_type")[0]
            ~ "` is Descriptor (input " ~ input ~ "): the descriptions are taken from those"
        ) %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}

{# The scales of an O*NET file that has no rating on a scale that is read. #}
{% macro unread_scales(path, layout, name) %}
    {% set query %}
        select {{ dbt.listagg("scale_id", "', '", "order by scale_id") }}
        from (
            select distinct upper(scale_id) as scale_id
            from {{ publisher_rows_of_file(path, layout, name) }}
        )
        having count(case when scale_id in ('IM', 'LV', 'WI') then 1 end) = 0
    {% endset %}
    {% set scales = run_query(query).columns[0].values() | list %}
    {{ return(scales[0] if scales else none) }}
{% endmacro %}

{# How many descriptors a guide of OaSIS has. #}
{% macro descriptors(path, layout, name) %}
    {% set query %}
        select count(*) from {{ publisher_rows_of_file(path, layout, name) }}
        where lower({{ plain_text("structure_type") }}) = 'descriptor'
    {% endset %}
    {{ return(run_query(query).columns[0].values()[0]) }}
{% endmacro %}

{# How many rows a publisher's file has below its header, and what is wrong with those
   that cannot be cut into its columns. #}
{% macro publisher_records(path, layout) %}
    {{ return(adapter.dispatch("publisher_records", "jobforge")(path, layout)) }}
{% endmacro %}

{% macro duckdb__publisher_records(path, layout) %}
    {% set columns = [] %}
    {% for _ in layout.names %}
        {% do columns.append("'c" ~ loop.index ~ "': 'VARCHAR'") %}
    {% endfor %}
    {% if not columns %}
        {{ return({"broken": [], "rows": 0}) }}
    {% endif %}
    {% do run_query("drop table if exists temp.jobforge_rejected_rows") %}
    {% do run_query("drop table if exists temp.jobforge_rejected_scans") %}
    {% set query %}
        select count(*) from read_csv(
            {{ file_literal(path) }}, {{ csv_reading(layout) }},
            columns = { {{- columns | join(", ") -}} },
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
