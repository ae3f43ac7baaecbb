{# How one file of a publisher's table is laid out, from its first lines: what cuts its
   fields, how many lines stand above its header, and which column is which. The header is
   the line in which most of the columns are found that the table cannot do without; case
   and blanks do not matter.

   delimiter, skip    how the file is cut, and the lines above its header
   header             the names as the file has them, one a column
   names              the names under which its columns are read: the table's own word
                      where it is known, else the file's
   missing            of the columns that are needed those that are not there, each with
                      the names that were looked for #}
{% macro publisher_layout(path, name) %}
    {% set table = publisher_tables()[name] %}
    {% set wanted = wanted_names(name) %}
    {% set best = {"score": -1, "cells": 0} %}
    {% for line in first_lines(path) %}
        {% set cells = [] %}
        {% for cell in line.cells %}
            {% do cells.append((cell or "") | lower) %}
        {% endfor %}
        {% set found = [] %}
        {% for column in table.columns
            if wanted[column] | select("in", cells) | list %}
            {% do found.append(column) %}
        {% endfor %}
        {% set score = found | length %}
        {% if score > best.score or (
            score == 0 and best.score == 0 and line.skip == 0 and cells | length > best.cells
        ) %}
            {% do best.update({
                "score": score, "cells": cells | length, "header": line.cells,
                "lower": cells, "delimiter": line.delimiter, "skip": line.skip,
            }) %}
        {% endif %}
    {% endfor %}
    {% if best.score < 0 %}
        {{ return({"header": [], "names": [], "missing": [], "delimiter": ",", "skip": 0}) }}
    {% endif %}
    {% set places, missing = {}, [] %}
    {% for column, names in wanted.items() %}
        {% set present = names | select("in", best.lower) | list %}
        {% if present %}
            {% do places.update({best.lower.index(present[0]): column}) %}
        {% elif column in table.columns %}
            {% do missing.append(names_of(name, column)) %}
        {% endif %}
    {% endfor %}
    {% set names, taken = [], [] %}
    {% for cell in best.header %}
        {% set read_as = places.get(loop.index0) or cell or "column" ~ loop.index %}
        {% do names.append(
            read_as if read_as | lower not in taken else read_as ~ " (" ~ loop.index ~ ")"
        ) %}
        {% do taken.append(read_as | lower) %}
    {% endfor %}
    {{ return(dict(best, names=names, missing=missing)) }}
{% endmacro %}

{# The names by which a column is known: the user's own first. #}
{% macro names_of(name, column) %}
    {% set table = publisher_tables()[name] %}
    {% set own = own_column_names(name).get(column) %}
    {{ return(
        ([own] if own else [])
        + table.columns.get(column, table.get("optional", {}).get(column, []))
    ) }}
{% endmacro %}

{# What the var `columns` says of a table, or else of the input that it serves. #}
{% macro own_column_names(name) %}
    {% set columns = var("columns") %}
    {% set input = publisher_tables()[name].input %}
    {{ return(
        columns.get(name) or columns.get(input if input == "onet_ratings" else name) or {}
    ) }}
{% endmacro %}

{# The same of all columns of a table, in lower case; with a wide table's rating columns
   as far as the user names them. #}
{% macro wanted_names(name) %}
    {% set table = publisher_tables()[name] %}
    {% set own = own_column_names(name) %}
    {% set wanted = {} %}
    {% for column in table.columns.keys() | list + table.get("optional", {}).keys() | list
        + (own.keys() | list if table.get("is_wide") else [])
        if column in table.columns or own.get(column, "") is not none %}
        {% set names = [] %}
        {% for known in names_of(name, column) %}
            {% do names.append(known | string | lower) %}
        {% endfor %}
        {% do wanted.update({column: names}) %}
    {% endfor %}
    {{ return(wanted) }}
{% endmacro %}

{# The first lines of a file, each cut in every way that publishers cut theirs. #}
{% macro first_lines(path) %}
    {{ return(adapter.dispatch("first_lines", "jobforge")(path)) }}
{% endmacro %}

{% macro duckdb__first_lines(path) %}
    {% set query %}
        with lines as (
            select
                line,
                row_number() over () - 1 as skip,
            from read_csv(
                {{ file_literal(path) }}, auto_detect = false, header = false,
                columns = {'line': 'VARCHAR'}, delim = '{{ "\x01" }}',
                quote = '', escape = '', ignore_errors = true
            )
            limit 5
        ),

        cut as (
            select skip, 1 as way, ',' as delimiter, {{ csv_fields("line") }} as cells,
            from lines
            union all
            select skip, 2, ';', {{ csv_fields("line", ";") }} from lines
            union all
            select skip, 3, 'tab', list_transform(
                string_split(trim(line, chr(13)), chr(9)),
                lambda field: nullif(trim(regexp_replace(field, '[\s\xA0]+', ' ', 'g')), '')
            ) from lines
        )

        select
            skip,
            delimiter,
            unnest(cells) as cell,
            generate_subscripts(cells, 1) as place,
        from cut
        order by skip, way, place
    {% endset %}
    {% set lines, last = [], [] %}
    {% for row in run_query(query) %}
        {% if [row[0], row[1]] != last %}
            {% do last.clear() %}
            {% do last.extend([row[0], row[1]]) %}
            {% do lines.append({
                "skip": row[0] | int, "delimiter": "\t" if row[1] == "tab" else row[1],
                "cells": [],
            }) %}
        {% endif %}
        {% do lines[-1].cells.append(row[2]) %}
    {% endfor %}
    {{ return(lines) }}
{% endmacro %}

{# The rows of one file under the names of its layout, as text. #}
{% macro publisher_rows_of_file(path, layout, name) %}
    {{ return(adapter.dispatch("publisher_rows_of_file", "jobforge")(path, layout, name)) }}
{% endmacro %}

{% macro duckdb__publisher_rows_of_file(path, layout, name) -%}
    read_csv(
        {{ file_literal(path) }}, {{ csv_reading(layout) }},
        {%- if name.startswith("onet_") %}
        nullstr = 'n/a',
        {%- endif %}
        columns = {
        {%- for column in layout.names %}
            {{ text_literal(column) }}: 'VARCHAR'{{ "," if not loop.last }}
        {%- endfor %}
        },
        filename = 'source_file'
    )
{%- endmacro %}

{# How a file is cut, in the reader's words. #}
{% macro csv_reading(layout) -%}
    {%- set quote = "" if layout.delimiter == "\t" else '"' -%}
    auto_detect = false, header = true, skip = {{ layout.skip }},
    delim = '{{ layout.delimiter }}', quote = '{{ quote }}', escape = '{{ quote }}'
{%- endmacro %}

{# The rows of a publisher's table in its own words, each with its row in its own file: the
   header is row 1, or the row below what stands above it. The relation stands for the files
   where none is there, which stops a run before it is read. #}
{% macro publisher_rows_of_table(relation, name) %}
    {%- set table = publisher_tables()[name] %}
    {%- set paths = publisher_paths(name).files if execute else [] %}
    {%- for path in paths or [none] %}
    {%- set layout = publisher_layout(path, name) if path else {"names": []} %}
    select
        {%- if table.get("is_wide") %}
        *,
        {%- else %}
        {%- for column in table.columns %}
        {{ column }},
        {%- endfor %}
        {%- for column in table.get("optional", {}) %}
        {%- if path and column not in layout.names %}
        cast(null as {{ dbt.type_string() }}) as {{ column }},
        {%- else %}
        {{ column }},
        {%- endif %}
        {%- endfor %}
        source_file,
        {%- endif %}
        row_number() over () + {{ 1 + layout.get("skip", 0) }} as source_row,
    from {{ publisher_rows_of_file(path, layout, name) if path else relation }}
    {%- if flags.EMPTY %}
    where false
    {%- endif %}
    {%- if not loop.last %}
    union all by name
    {%- endif %}
    {%- endfor %}
{%- endmacro %}
