{# Where an input comes from: a list out of demo, files and tables, or none alone. What
   only serves an input that is none is none too. #}
{% macro input_modes(input) %}
    {% set served = {
        "oasis_example_titles": "oasis_profiles",
        "noc_onet_crosswalk": "onet_ratings",
        "attribute_onet_elements": "onet_ratings",
    } %}
    {% set own = var("input_" ~ input, "") %}
    {% if not own and input in served and input_modes(served[input]) == ["none"] %}
        {{ return(["none"]) }}
    {% endif %}
    {% set chosen = own or var("input", "") or env_var("JOBFORGE_INPUT", "demo") %}
    {% set modes = chosen.replace(" ", "").split("+") %}
    {% for mode in modes if mode not in ["demo", "files", "tables", "none"] %}
        {{ stop_for(
            "The input `" ~ input ~ "` is to come from `" ~ mode
            ~ "`, which is none of demo, files, tables, none. Set the var input or input_"
            ~ input ~ ", or the environment's JOBFORGE_INPUT."
        ) }}
    {% endfor %}
    {% if "none" in modes and (modes | length > 1 or input in ["jobs", "attributes"]) %}
        {{ stop_for(
            "The input `" ~ input ~ "` is to come from `" ~ chosen ~ "`: " ~ (
                "without jobs and attributes there is no cell"
                if modes | length == 1 else "`none` stands alone"
            ) ~ ". Set the var input_" ~ input ~ "."
        ) }}
    {% endif %}
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

{# Whether an input of OaSIS's catalogue or ratings is read from the files of OaSIS. One
   with a file of the organisation's own does without them where the profiles, for which
   the ratings are, come from no source of the user's. #}
{% macro is_from_oasis_files(input) %}
    {% set profiles = input_modes("oasis_profiles") %}
    {{ return(
        input_is_from(input, "files")
        and (not var(input ~ "_file") or "files" in profiles or "tables" in profiles)
    ) }}
{% endmacro %}
