-- Which feature tells best how sure one may be of a model's answers: the one whose map is
-- the least off on cells that have every feature, and whose jobs had no part in the maps
-- that judge them. Of equals the first counts, and so does the stated confidence where
-- nothing can be compared.
{%- set features = confidence_features() | list %}
with confidences as (
    select * from {{ ref("int_twin_confidences") }}
),

held_out as (
    {{ held_out_confidences() }}
),

judged as (
    select
        model_used,
        prompt_version,
        feature,
        twin_number,
        attribute_number,
        case when is_right then 1 else 0 end - measured_confidence as miss,
    from held_out
),

compared as (
    select
        model_used,
        prompt_version,
        twin_number,
        attribute_number,
    from judged
    group by model_used, prompt_version, twin_number, attribute_number
    having count(distinct feature) = {{ features | length }}
),

scores as (
    select
        judged.model_used,
        judged.prompt_version,
        judged.feature,
        count(*) as compared_cells,
        avg(judged.miss * judged.miss) as compared_brier,
    from judged
    inner join compared
        on
            judged.model_used = compared.model_used
            and judged.prompt_version = compared.prompt_version
            and judged.twin_number = compared.twin_number
            and judged.attribute_number = compared.attribute_number
    group by judged.model_used, judged.prompt_version, judged.feature
),

ranked as (
    select
        *,
        row_number() over (
            partition by model_used, prompt_version
            order by
                -- What adding up in another order changes decides nothing.
                round(compared_brier, 9) asc,
                case feature
                    {%- for feature in features %}
                    when '{{ feature }}' then {{ loop.index }}
                    {%- endfor %}
                end asc
        ) as place,
    from scores
),

models as (
    select distinct
        model_used,
        prompt_version,
        feature,
    from confidences
)

select
    models.model_used,
    models.prompt_version,
    models.feature,
    cast(ranked.compared_cells as integer) as compared_cells,
    cast(ranked.compared_brier as double) as compared_brier,
    coalesce(ranked.place = 1, models.feature = '{{ features[0] }}') as is_chosen,
from models
left join ranked
    on
        models.model_used = ranked.model_used
        and models.prompt_version = ranked.prompt_version
        and models.feature = ranked.feature
