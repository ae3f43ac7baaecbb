{# What nobody sees in a text, as a class of a regular expression: controls but for tabs
   and line ends, what has no width or turns the direction, tags. The package makes the
   same ones visible in what it prints. #}
{% macro invisible_class() -%}
    [\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}\x{7F}-\x{9F}\x{AD}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}
    {{- "" -}} \x{180B}-\x{180F}\x{200B}-\x{200F}\x{2028}-\x{202E}\x{2060}-\x{206F}\x{3164}\x{FEFF}
    {{- "" -}} \x{FFA0}\x{FFF9}-\x{FFFB}\x{E0000}-\x{E0FFF}]
{%- endmacro %}

{# A text without them; null where nothing else is there. #}
{% macro without_invisible(column) -%}
    {{ return(adapter.dispatch("without_invisible", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__without_invisible(column) -%}
    case
        when regexp_matches({{ column }}, '{{ invisible_class() }}')
            then nullif(trim(
                regexp_replace({{ column }}, '{{ invisible_class() }}', '', 'g')
            ), '')
        else {{ column }}
    end
{%- endmacro %}

{# What was taken off the keys among these columns, for quarantine to say; null where
   nothing was. #}
{% macro invisible_characters_of(columns) -%}
    {{ return(adapter.dispatch("invisible_characters_of", "jobforge")(columns)) }}
{%- endmacro %}

{% macro duckdb__invisible_characters_of(columns) -%}
    {%- set keys = [
        "job_id", "attribute_id", "scope_code", "noc_code", "unit_group", "oasis_profile",
        "onet_soc_code", "element_id",
    ] -%}
    case
        {%- for key in keys if key in columns %}
        when regexp_matches({{ key }}, '{{ invisible_class() }}')
            then '{{ key }}: had invisible characters ('
                || array_to_string(list_distinct(list_transform(
                    regexp_extract_all({{ key }}, '{{ invisible_class() }}'),
                    lambda character: format('U+{:04X}', unicode(character))
                ))[1:5], ', ')
                || '), which were taken off; correct it where it comes from'
        {%- endfor %}
    end
{%- endmacro %}
