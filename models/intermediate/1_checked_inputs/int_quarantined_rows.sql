{%- set inputs = {
    "jobs": "job_id",
    "attributes": "attribute_id",
    "noc_structure": "noc_code",
    "oasis_profiles": "oasis_profile",
    "oasis_example_titles": "example_title",
    "authoritative_values": "attribute_id",
    "onet_ratings": "element_id",
    "noc_onet_crosswalk": "unit_group",
    "attribute_onet_elements": "attribute_id",
} %}
{%- set job_of = {
    "jobs": "job_id",
    "authoritative_values": "case when scope_level = 'job' then scope_code end",
} %}
{%- set with_attribute = [
    "attributes", "authoritative_values", "attribute_onet_elements",
] %}
{%- set with_rules = ["onet_ratings", "noc_onet_crosswalk"] -%}
{% for input, key in inputs.items() -%}
select
    '{{ input }}' as input,
    source_file,
    cast(source_row as integer) as source_row,
    {{ key }} as row_key,
    {{ job_of.get(input, "cast(null as " ~ dbt.type_string() ~ ")") }} as job_id,
    {% if input in with_attribute -%}
    attribute_id,
    {%- else -%}
    cast(null as {{ dbt.type_string() }}) as attribute_id,
    {%- endif %}
    {{ "false" if demo_stands_in(input) else "problem is not null" }} as is_error,
    concat_ws(
        '; ', {% if input in with_rules %}coalesce(problem, left_out_by_rule)
        {%- else %}problem{% endif %}, invisible_characters
    ) as reason,
    is_usable as is_used_in_part,
from {{ ref("int_" ~ input ~ "_checked") }}
where
    problem is not null
    or invisible_characters is not null
    {%- if input in with_rules %}
    or left_out_by_rule is not null
    {%- endif %}
{% if not loop.last %}
union all

{% endif -%}
{% endfor %}
