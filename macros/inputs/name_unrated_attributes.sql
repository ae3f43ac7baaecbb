{# Warns of the attributes of OaSIS's catalogue for which no file of OaSIS has a rating:
   their column is missing, and the model would be asked for all their cells. #}
{% macro name_unrated_attributes(oasis_attributes, attributes, authoritative_values) %}
    {% set query %}
        select
            oasis_attributes.oasis_file,
            {{ dbt.listagg(
                "oasis_attributes.oasis_column", "'`, `'",
                "order by oasis_attributes.oasis_column", 5
            ) }} as first_columns,
            count(*) as unrated,
        from {{ oasis_attributes }} as oasis_attributes
        inner join {{ attributes }} as attributes
            on oasis_attributes.attribute_id = attributes.attribute_id
        where
            oasis_attributes.attribute_id not in (
                select attribute_id from {{ authoritative_values }}
                where attribute_id is not null and dataset = 'OaSIS'
            )
        group by oasis_attributes.oasis_file
        order by oasis_attributes.oasis_file
    {% endset %}
    {% set are_read = is_from_oasis_files("authoritative_values") and not flags.EMPTY %}
    {% for row in run_query(query) if are_read %}
        {% do warn_of(
            "the file " ~ publisher_paths("oasis_" ~ row[0]).path ~ " has no rating in " ~ row[2] ~ " columns that the catalogue has: `"
            ~ row[1] ~ "`" ~ (", …" if row[2] > 5 else "")
            ~ ". The model is asked for their cells instead: get the file again"
        ) %}
    {% endfor %}
{% endmacro %}
