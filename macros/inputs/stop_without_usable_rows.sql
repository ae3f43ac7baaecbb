{# Stops the run where an input has rows and none of them can be used: gold would be
   emptied of what it had. #}
{% macro stop_without_usable_rows(input, checked) %}
    {% for counts in run_query(
        "select count(*), min(problem) from " ~ checked
        ~ " having count(*) > 0 and count(case when is_usable then 1 end) = 0"
    ) %}
        {{ exceptions.raise_compiler_error(
            "None of the " ~ counts[0] ~ " rows of the input " ~ input ~ " can be used, such as: "
            ~ counts[1] ~ "\nCorrect them."
            ~ "\nSee docs/input_contract.md."
        ) }}
    {% endfor %}
{% endmacro %}
