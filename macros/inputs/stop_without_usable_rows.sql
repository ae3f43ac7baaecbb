{# Stops the run where an input has rows and none of them can be used: gold would be
   emptied of what it had. #}
{% macro stop_without_usable_rows(input, checked) %}
    {% for counts in run_query(
        "select count(*), min(problem) from " ~ checked
        ~ " having count(*) > 0 and count(case when is_usable then 1 end) = 0"
    ) %}
        {{ stop_for(
            "None of the " ~ counts[0] ~ " rows of the input " ~ input ~ " can be used, such as: "
            ~ beginning(counts[1], 300) ~ "\nCorrect them."
            ~ "\nSee docs/input_contract.md."
        ) }}
    {% endfor %}
{% endmacro %}
