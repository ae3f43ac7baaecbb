-- How often a source is right, for each kind of value that it has: by the user's own
-- overlap with a better source, or where that is thin by the published files'.
{%- set key = ["source_type", "inheritance_level", "domain", "value_type"] %}
{%- set columns = key | join(", ") %}
with kinds as (
    select
        source_values.source_type,
        source_values.inheritance_level,
        attributes.domain,
        attributes.value_type,
        -- As OaSIS's are: on a scale of 100 steps the same whole number is rarer.
        {{ dbt.bool_or(
            "attributes.scale_maximum - attributes.scale_minimum > 5"
        ) }} as has_longer_scales,
    from {{ ref("int_source_values") }} as source_values
    inner join {{ ref("int_attributes") }} as attributes
        on source_values.attribute_number = attributes.attribute_number
    group by
        source_values.source_type,
        source_values.inheritance_level,
        attributes.domain,
        attributes.value_type
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

deviations as (
    select
        by_cluster.source_type,
        by_cluster.inheritance_level,
        by_cluster.domain,
        by_cluster.value_type,
        by_cluster.right_pairs - by_cluster.pairs * shares.right_share as deviation,
    from by_cluster
    inner join shares
        on
            by_cluster.source_type = shares.source_type
            and by_cluster.inheritance_level
            is not distinct from shares.inheritance_level
            and by_cluster.domain = shares.domain
            and by_cluster.value_type = shares.value_type
),

squares as (
    select
        {{ columns }},
        sum(deviation * deviation) as squares,
    from deviations
    group by {{ columns }}
),

-- Values of one unit group are not independent: so many fewer are they worth.
effective as (
    select
        shares.*,
        shares.pairs / greatest(
            1.0,
            coalesce(
                squares.squares / nullif(
                    shares.pairs * shares.right_share * (1 - shares.right_share), 0
                ),
                1.0
            )
        ) as effective_pairs,
    from shares
    inner join squares
        on
            shares.source_type = squares.source_type
            and shares.inheritance_level
            is not distinct from squares.inheritance_level
            and shares.domain = squares.domain
            and shares.value_type = squares.value_type
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
        {{ wilson("own.right_share", "own.effective_pairs", "low") }}
            as right_share_low,
        {{ wilson("own.right_share", "own.effective_pairs", "high") }}
            as right_share_high,
        coalesce(of_domain.right_share, of_any.right_share) as published_right_share,
    from kinds
    left join effective as own
        on
            kinds.source_type = own.source_type
            and kinds.inheritance_level is not distinct from own.inheritance_level
            and kinds.domain = own.domain
            and kinds.value_type = own.value_type
    left join published as of_domain
        on
            kinds.source_type = of_domain.source_type
            and kinds.inheritance_level is not distinct from of_domain.inheritance_level
            and kinds.domain = of_domain.domain
            and kinds.value_type = 'rating'
            and not kinds.has_longer_scales
    left join published as of_any
        on
            kinds.source_type = of_any.source_type
            and kinds.inheritance_level is not distinct from of_any.inheritance_level
            and of_any.domain = 'any'
            and kinds.value_type = 'rating'
            and not kinds.has_longer_scales
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
