{# The places of the ranked seed, 1 being the source with the highest precedence,
   without the model's where it can have no candidate yet; none before the seed is
   loaded. #}
{% macro source_ranks(with_llm=true) %}
    {% set ranks = [] %}
    {% set seed_relation = ref("stg_source_precedence") %}
    {% set relation = load_relation(seed_relation) if execute %}
    {% if relation %}
        {% for row in run_query(
            "select precedence_rank from " ~ relation
            ~ ("" if with_llm else " where source_type <> 'LLM'")
            ~ " order by precedence_rank"
        ) %}
            {% do ranks.append(row[0]) %}
        {% endfor %}
    {% endif %}
    {{ return(ranks) }}
{% endmacro %}

{# Precedence, decided here and nowhere else: of the candidates of a cell the best of
   the first source in the ranked seed, where that has none the second's, and so on
   over as many sources as the seed has. One anti-join a source, each over keys
   alone. A CTE, best_candidates; expects candidates with scope_rank 1 once a cell
   and source. `with_llm`: whether the model's answers are among them. #}
{% macro best_candidates(candidates, with_llm=true) -%}
best_candidates as (
    {%- for rank in source_ranks(with_llm) %}
    select
        candidates.job_number,
        candidates.attribute_number,
        candidates.precedence_rank,
        candidates.value_id,
    from {{ candidates }} as candidates
    where
        candidates.precedence_rank = {{ rank }}
        and candidates.scope_rank = 1
        {%- if not loop.first %}
        and not exists (
            select 1 from {{ candidates }} as better
            where
                better.precedence_rank < {{ rank }}
                and better.scope_rank = 1
                and better.job_number = candidates.job_number
                and better.attribute_number = candidates.attribute_number
        )
        {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        job_number,
        attribute_number,
        precedence_rank,
        value_id,
    from {{ candidates }}
    where false
    {%- endfor %}
)
{%- endmacro %}

{# The place of every candidate in its cell, by the same precedence: its scope_rank
   plus the count of what better sources have there, so that no window over all
   candidates is needed. What a source has beyond its first candidate is rare, and
   counted apart: the first needs no count. Two CTEs, ending in ranked_candidates. #}
{% macro ranked_candidates(candidates) -%}
{%- set ranks = source_ranks() -%}
further_candidates as (
    select
        job_number,
        attribute_number,
        precedence_rank,
        max(scope_rank) as candidates_of_source,
    from {{ candidates }}
    where scope_rank > 1
    group by job_number, attribute_number, precedence_rank
),

ranked_candidates as (
    {%- for rank in ranks %}
    select
        candidates.job_number,
        candidates.attribute_number,
        candidates.precedence_rank,
        candidates.value_id,
        candidates.scope_rank
        {%- for better in ranks if better < rank %}
        + case
            when first_{{ better }}.job_number is null then 0
            else coalesce(further_{{ better }}.candidates_of_source, 1)
        end
        {%- endfor %} as candidate_rank,
    from {{ candidates }} as candidates
    {%- for better in ranks if better < rank %}
    left join {{ candidates }} as first_{{ better }}
        on
            first_{{ better }}.precedence_rank = {{ better }}
            and first_{{ better }}.scope_rank = 1
            and candidates.job_number = first_{{ better }}.job_number
            and candidates.attribute_number
            = first_{{ better }}.attribute_number
    left join further_candidates as further_{{ better }}
        on
            further_{{ better }}.precedence_rank = {{ better }}
            and candidates.job_number = further_{{ better }}.job_number
            and candidates.attribute_number
            = further_{{ better }}.attribute_number
    {%- endfor %}
    where candidates.precedence_rank = {{ rank }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        job_number,
        attribute_number,
        precedence_rank,
        value_id,
        scope_rank as candidate_rank,
    from {{ candidates }}
    where false
    {%- endfor %}
)
{%- endmacro %}
