{# Whether two codes are the same descriptor's: case, blanks and dots do not matter. #}
{% macro same_guide_code(one, other) -%}
    {%- for code in [one, other] -%}
    lower(replace(replace({{ code }}, '.', ''), ' ', ''))
    {{- " = " if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Says which attributes the guide of OaSIS describes nowhere, and stops where its codes
   stand for other descriptors than the catalogue's: a description under the wrong attribute
   would go into every request to the model. #}
{% macro check_the_guide() %}
    {% set query %}
        select
            count(case when guide.guide_code is null then 1 end) as undescribed,
            min(
                case when guide.guide_code is null then attributes.attribute_name end
            ) as example,
            count(guide.guide_code) as described,
            count(
                case
                    when lower(guide.descriptor_name) = lower(attributes.attribute_name)
                        or lower(guide.descriptor_name) = lower(attributes.oasis_column)
                        then 1
                end
            ) as of_the_name,
            min(
                case
                    when lower(guide.descriptor_name) <> lower(attributes.attribute_name)
                        then attributes.guide_code || ' is `' || guide.descriptor_name
                            || '` and not `' || attributes.attribute_name || '`'
                end
            ) as other_name,
        from {{ ref("oasis_attributes") }} as attributes
        left join {{ ref("stg_oasis__guide") }} as guide
            on {{ same_guide_code("attributes.guide_code", "guide.guide_code") }}
    {% endset %}
    {% set path = publisher_paths("oasis_guide").path if execute %}
    {% for row in run_query(query) if not flags.EMPTY %}
        {% if row[2] > 2 * row[3] %}
            {{ stop_for(
                "The file " ~ path ~ " gives its codes to other descriptors: of " ~ row[2]
                ~ " that the catalogue has " ~ row[3] ~ " bear their name there, and "
                ~ beginning(row[4], 200) ~ ". Its descriptions would stand under the wrong "
                ~ "attributes: take the guide of another release (var publisher_files, "
                ~ "oasis_guide).\nSee docs/releases.md."
            ) }}
        {% elif row[0] %}
            {% do warn_of(
                "the file " ~ path ~ " describes " ~ row[0] ~ " attributes of OaSIS's catalogue "
                ~ "nowhere, such as `" ~ row[1] ~ "`: the model is asked for them by their names "
                ~ "alone"
            ) %}
        {% endif %}
    {% endfor %}
{% endmacro %}
