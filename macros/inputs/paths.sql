{# The literal by which a reader takes this very file, whatever signs its name has. #}
{% macro file_literal(path) %}
    {{ return(text_literal(literal_path(path))) }}
{% endmacro %}

{# A path in which no sign is a pattern. #}
{% macro literal_path(path) %}
    {{ return(path | replace("[", "[[]") | replace("*", "[*]") | replace("?", "[?]")) }}
{% endmacro %}

{# What a path below data_dir means to a reader: `*` and `?` in it are a pattern, all else
   stands for itself. The sources in models/staging/publisher_files say the same. #}
{% macro path_pattern(path) %}
    {{ return(literal_path(data_dir()) ~ "/" ~ (path | replace("[", "[[]"))) }}
{% endmacro %}

{% macro text_literal(text) %}
    {{ return("'" ~ text | replace("'", "''") ~ "'") }}
{% endmacro %}

{# The files that a pattern matches, in order. #}
{% macro glob_names(pattern) %}
    {{ return(
        run_query(
            "select file from glob(" ~ text_literal(pattern) ~ ") order by file"
        ).columns[0].values() | list
    ) }}
{% endmacro %}
