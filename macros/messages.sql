{# What the project says, in a line of the log, a warning or an error: the one place that
   shows people texts of the inputs, so that nothing in them steers a terminal. #}
{% macro say(text) %}
    {% do log(visible(text), info=true) %}
{% endmacro %}

{% macro warn_of(text) %}
    {% do exceptions.warn(visible(text)) %}
{% endmacro %}

{% macro stop_for(text) %}
    {{ exceptions.raise_compiler_error(visible(text)) }}
{% endmacro %}

{# A text with what nobody sees as its escape; lines may end. #}
{% macro visible(text) %}
    {{ return(modules.re.sub(
        python_invisible_class(), escaped, text | string | replace("\r", "\\r")
    )) }}
{% endmacro %}

{% macro escaped(found) -%}
    {{ return(tojson(found.group(0))[1:-1] | replace("\x7f", "\\u007f")) }}
{%- endmacro %}

{# The same class in Python's words. #}
{% macro python_invisible_class() %}
    {% set words = modules.re.sub("x[{]([0-9A-F]+)[}]", "U{0000000\\1}", invisible_class()) %}
    {{ return(modules.re.sub("U[{]0*([0-9A-F]{8})[}]", "U\\1", words)) }}
{% endmacro %}

{# The beginning of a text of the inputs, as much as a line can quote. #}
{% macro beginning(text, limit=80) %}
    {% set text = text | string %}
    {{ return(text if text | length <= limit else text[:limit - 1] ~ "…") }}
{% endmacro %}
