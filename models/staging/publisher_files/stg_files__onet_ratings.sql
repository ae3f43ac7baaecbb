{{ config(enabled=input_is_from("onet_ratings", "files")) }}

{% for file in [
    "skills", "abilities", "knowledge", "work_activities", "work_styles",
] -%}
select * from {{ ref("stg_onet__" ~ file) }}
{% if not loop.last -%}
union all
{% endif -%}
{% endfor %}
