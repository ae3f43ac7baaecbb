-- How often a source is right, for each kind of value that it has: by the user's own
-- overlap with a better source, or where that is thin by the published files'.
{%- set key = ["source_type", "inheritance_level", "domain", "value_type"] %}
{%- set columns = key | join(", ") %}
with kinds as (
    select distinct
        source_values.source_type,
        source_values.inheritance_level,
        attributes.domain,
        attributes.value_type,
    from {{ ref("int_source_values") }} as source_values
    inner join {{ ref("int_attributes") }} as attributes
        on source_values.attribute_number = attributes.attribute_number
),

by_cluster as (
    select
        {{ columns }},
        cluster,
        count(*) as pairs,
        sum(case when is_right then 1.0 else 0.0 end) as right_pairs,
        sum(abs(error)) as absolute_error,
        sum(error) as error,
    from {{ ref("int_compared_values") }}
    group by {{ columns }}, cluster
),

shares as (
    select
        {{ columns }},
        sum(pairs) as pairs,
        sum(right_pairs) / sum(pairs) as right_share,
        sum(absolute_error) / sum(pairs) as mae,
        sum(error) / sum(pairs) as bias,
    from by_cluster
    group by {{ columns }}
),

-- Values of one unit group are not independent: so much wider is the interval.
design_effects as (
    select
        shares.*,
        greatest(
            1.0,
            coalesce(
                (
                    select sum(
                        (by_cluster.right_pairs - by_cluster.pairs * shares.right_share)
                        * (by_cluster.right_pairs - by_cluster.pairs * shares.right_share)
                    )
                    from by_cluster
                    where
                        {%- for column in key %}
                        by_cluster.{{ column }} is not distinct from shares.{{ column }}
                        {{- " and" if not loop.last }}
                        {%- endfor %}
                ) / nullif(pairs * right_share * (1 - right_share), 0),
                1.0
            )
        ) as design_effect,
    from shares
),

published as (
    select * from {{ ref("source_agreement") }}
),

agreements as (
    select
        kinds.*,
        coalesce(own.pairs, 0) as pairs,
        own.mae,
        own.bias,
        own.right_share,
        {{ wilson("own.right_share", "own.pairs / own.design_effect", "low") }}
            as right_share_low,
        {{ wilson("own.right_share", "own.pairs / own.design_effect", "high") }}
            as right_share_high,
        coalesce(of_domain.right_share, of_any.right_share) as published_right_share,
    from kinds
    left join design_effects as own
        on
            {%- for column in key %}
            kinds.{{ column }} is not distinct from own.{{ column }}
            {{- " and" if not loop.last }}
            {%- endfor %}
    left join published as of_domain
        on
            kinds.source_type = of_domain.source_type
            and kinds.inheritance_level is not distinct from of_domain.inheritance_level
            and kinds.domain = of_domain.domain
            and kinds.value_type = 'rating'
    left join published as of_any
        on
            kinds.source_type = of_any.source_type
            and kinds.inheritance_level is not distinct from of_any.inheritance_level
            and of_any.domain = 'any'
            and kinds.value_type = 'rating'
)

select
    {{ columns }},
    cast(pairs as integer) as pairs,
    pairs < 30 as is_thin,
    round(cast(mae as double), 6) as mae,
    round(cast(bias as double), 6) as bias,
    round(cast(right_share as double), 6) as right_share,
    round(cast(right_share_low as double), 6) as right_share_low,
    round(cast(right_share_high as double), 6) as right_share_high,
    published_right_share,
    case
        when pairs >= 30 then round(cast(right_share as double), 6)
        else published_right_share
    end as measured_confidence,
    case
        when inheritance_level = 'job' then 'own_value'
        when value_type = 'text' then 'text'
        when pairs >= 30 then 'overlap'
        when published_right_share is not null then 'published_overlap'
        else 'no_overlap'
    end as confidence_basis,
from agreements
