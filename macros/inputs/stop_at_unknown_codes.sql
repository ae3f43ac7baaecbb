{# Stops the run where too large a share of a column's codes is in no classification:
   that is another classification, or a column of something else. Few codes are no
   share, and are named in quarantine alone. The demo where it stands in for an input
   of the user's own is no fault either. #}
{% macro stop_at_unknown_codes(input_keys) %}
    {% set share = var("input_max_error_share") | float(-1) %}
    {% if not 0 <= share <= 1 %}
        {{ exceptions.raise_compiler_error(
            "The var input_max_error_share is `" ~ var("input_max_error_share")
            ~ "`; it must be a number from 0 to 1."
        ) }}
    {% endif %}
    {% set problems = [] %}
    {% for row in run_query(
        "select input, key_column, rows_with_key, rows_without_partner,"
        ~ " share_without_partner, example from " ~ input_keys
        ~ " where points_to in ('noc_structure', 'oasis_profiles')"
        ~ " and rows_with_key >= 20 and share_without_partner > " ~ share
        ~ " order by input, key_column"
    ) if not demo_stands_in(row[0]) %}
        {% do problems.append(
            row[0] ~ "." ~ row[1] ~ ": " ~ row[3] ~ " of " ~ row[2] ~ " codes ("
            ~ "%.1f" | format(100 * row[4] | float)
            ~ " %) are not in the classification, such as `" ~ row[5] ~ "`"
        ) %}
    {% endfor %}
    {% if problems %}
        {{ exceptions.raise_compiler_error(
            "Too many codes of the inputs are unknown:\n  - " ~ problems | join("\n  - ")
            ~ "\nCorrect the codes, or the column that is read as them; where it is meant "
            ~ "so, set the var input_max_error_share (now " ~ share ~ ")."
            ~ "\nSee docs/input_contract.md."
        ) }}
    {% endif %}
{% endmacro %}
