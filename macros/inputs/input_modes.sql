{# Where an input comes from: a list out of demo, files and tables. #}
{% macro input_modes(input) %}
    {% set chosen = var("input_" ~ input, "") or var("input", "")
        or env_var("JOBFORGE_INPUT", "demo") %}
    {% set modes = chosen.replace(" ", "").split("+") %}
    {% for mode in modes if mode not in ["demo", "files", "tables"] %}
        {{ exceptions.raise_compiler_error(
            "The input `" ~ input ~ "` is to come from `" ~ mode
            ~ "`, which is none of demo, files, tables. Set the var input or input_"
            ~ input ~ ", or the environment's JOBFORGE_INPUT."
        ) }}
    {% endfor %}
    {{ return(modes) }}
{% endmacro %}

{# Whether the demo's rows stand in for an input while others are the user's own: what
   does not fit in them is nobody's to mend. #}
{% macro demo_stands_in(input) %}
    {% set own = [] %}
    {% for other in input_contract() if input_modes(other) != ["demo"] %}
        {% do own.append(other) %}
    {% endfor %}
    {{ return(own != [] and input_modes(input) == ["demo"]) }}
{% endmacro %}

{% macro input_is_from(input, mode) %}
    {{ return(mode in input_modes(input)) }}
{% endmacro %}
