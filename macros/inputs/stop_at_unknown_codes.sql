{# Stops the run where too large a share of a column's codes is in no classification:
   that is another classification, or a column of something else. Few codes are no
   share, and are named in quarantine alone. The demo where it stands in for an input
   of the user's own is no fault either, and where it stands in for the classification, a
   small part of one, that is said. #}
{% macro stop_at_unknown_codes(input_keys) %}
    {% set share = var("input_max_error_share") | float(-1) %}
    {% if not 0 <= share <= 1 %}
        {{ stop_for(
            "The var input_max_error_share is `" ~ var("input_max_error_share")
            ~ "`; it must be a number from 0 to 1."
        ) }}
    {% endif %}
    {% set problems = [] %}
    {% for row in run_query(
        "select input, key_column, rows_with_key, rows_without_partner,"
        ~ " share_without_partner, example, points_to from " ~ input_keys
        ~ " where points_to in ('noc_structure', 'oasis_profiles')"
        ~ " and rows_with_key >= 20 and share_without_partner > " ~ share
        ~ " order by input, key_column"
    ) if not demo_stands_in(row[0]) %}
        {% set unknown = row[0] ~ "." ~ row[1] ~ ": " ~ row[3] ~ " of " ~ row[2] ~ " codes ("
            ~ "%.1f" | format(100 * row[4] | float)
            ~ " %) are not in the classification, such as `" ~ beginning(row[5]) ~ "`" %}
        {% if demo_stands_in(row[6]) %}
            {% do warn_of(
                unknown ~ ": the demo's few classes stand in for it; have the input " ~ row[6]
                ~ " from files or tables of your own"
            ) %}
        {% else %}
            {% do problems.append(unknown) %}
        {% endif %}
    {% endfor %}
    {% if problems %}
        {{ stop_for(
            "Too many codes of the inputs are unknown:\n  - " ~ problems | join("\n  - ")
            ~ "\nCorrect the codes, or the column that is read as them; where it is meant "
            ~ "so, set the var input_max_error_share (now " ~ share ~ ")."
            ~ "\nSee docs/input_contract.md."
        ) }}
    {% endif %}
{% endmacro %}
