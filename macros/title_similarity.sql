{# The part of a title that names what the person is: `Manager` of `Manager,
   Talent`, `fish cleaner` of `fish cleaner - fish processing`. English. #}
{% macro head_phrase(title) -%}
    {{ return(adapter.dispatch("head_phrase", "jobforge")(title)) }}
{%- endmacro %}

{% macro duckdb__head_phrase(title) -%}
    regexp_extract(
        lower({{ title }}), '^(.*?)( - |, | of | in | for |\(|$)', 1
    )
{%- endmacro %}

{# One row per word of a text whose words stand one blank apart. #}
{% macro unnest_words(text) -%}
    {{ return(adapter.dispatch("unnest_words", "jobforge")(text)) }}
{%- endmacro %}

{% macro duckdb__unnest_words(text) -%}
    unnest(string_split({{ text }}, ' '))
{%- endmacro %}

{# How much it tells that two jobs share what so many of all jobs have. A whole
   number, so that a sum is the same whatever order it is added in. #}
{% macro rarity(jobs_with_it, all_jobs) -%}
    cast(round(
        100 * sqrt(ln(1 + 1.0 * {{ all_jobs }} / {{ jobs_with_it }}))
    ) as {{ dbt.type_int() }})
{%- endmacro %}

{# A number that two groups share where they hold the same rows, in any order. #}
{% macro set_fingerprint(columns) -%}
    {{ return(adapter.dispatch("set_fingerprint", "jobforge")(columns)) }}
{%- endmacro %}

{% macro duckdb__set_fingerprint(columns) -%}
    sum(hash({{ columns | join(", ") }}))
{%- endmacro %}

{# CTEs that rank candidates by relation, then title, then job number; of those
   that share a source record only the first counts. Ends in closest_records. #}
{% macro closest_records(candidates) -%}
first_of_record as (
    select * from {{ candidates }}
    qualify row_number() over (
        partition by donor_set, job_number, record_number
        order by relation_rank asc, similarity desc, donor_number asc
    ) = 1
),

ranked as (
    select
        *,
        row_number() over (
            partition by donor_set, job_number
            order by relation_rank asc, similarity desc, donor_number asc
        ) as comparable_rank,
    from first_of_record
),

closest_records as (
    select * from ranked
    where comparable_rank <= {{ var("llm_comparable_jobs") }}
)
{%- endmacro %}

{# What makes a job comparable, in words, by its rank in int_chosen_donors. #}
{% macro relation_name(rank) -%}
    case {{ rank }}
        when 1 then 'same unit group'
        when 2 then 'same minor group'
        when 3 then 'same family'
        when 4 then 'similar title'
        when 5 then 'same function'
        when 6 then 'any job'
    end
{%- endmacro %}
