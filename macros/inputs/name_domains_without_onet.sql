{# Warns of the domains of which no attribute has a rating in the O*NET files: their elements
   are another release's, and the model would be asked for all their cells. #}
{% macro name_domains_without_onet(attributes, elements) %}
    {% set query %}
        select
            attributes.domain,
            count(distinct attributes.attribute_id) as unrated,
            min(elements.element_id) as example,
            min(elements.scale_id) as scale_id,
        from {{ elements }} as elements
        inner join {{ attributes }} as attributes
            on elements.attribute_id = attributes.attribute_id
        group by attributes.domain
        having count(case when elements.is_usable then 1 end) = 0
        order by attributes.domain
    {% endset %}
    {% set are_read = input_is_from("onet_ratings", "files") and not flags.EMPTY
        and not demo_stands_in("attribute_onet_elements") %}
    {% for row in run_query(query) if are_read %}
        {% do warn_of(
            "the O*NET files in " ~ data_dir() ~ "/" ~ var("onet_dir") ~ " rate none of the "
            ~ "elements that stand in for " ~ row[1] ~ " attributes of " ~ row[0] ~ " (such as "
            ~ beginning(row[2]) ~ " on the scale " ~ beginning(row[3]) ~ "). The model is asked "
            ~ "for their cells instead: see docs/releases.md"
        ) %}
    {% endfor %}
{% endmacro %}
