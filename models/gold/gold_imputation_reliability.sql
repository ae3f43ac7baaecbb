-- Of each feature of confidence: a row with a confidence is one bin; one without is all
-- bins of its stratum, and one without a stratum is all strata of the model. Brier score
-- and expected calibration error of measured confidence, and the intervals' coverage, are
-- of cells whose jobs had no part in the map or interval that they are judged by.
{%- set key = confidence_key() + ["feature"] %}
{%- set of_model = ["model_used", "prompt_version", "feature"] %}
{%- set is_whole = "bins.source_gap is null and bins.step is null" %}
with stated as (
    select
        {{ key | join(", ") }},
        fold,
        step,
        sum(cells) as cells,
        sum(right_cells) as right_cells,
    from {{ ref("int_stated_confidences") }}
    group by {{ key | join(", ") }}, fold, step
),

confidence_map as (
    select * from {{ ref("int_confidence_map") }}
),

held_out as (
    select
        stated.*,
        stated.step / 20.0 as stated_confidence,
        confidence_map.measured_confidence,
    from stated
    left join confidence_map
        on
            {{ same_confidence_key("stated", "confidence_map") }}
            and stated.feature = confidence_map.feature
            and stated.fold = confidence_map.held_out_fold
            and stated.step = confidence_map.step
),

-- Of one bin in a stratum, the whole stratum, a bin of all strata, and all.
by_bin as (
    {%- for strata in [true, false] %}
    select
        {%- for column in key %}
        {%- if strata or column in of_model %}
        {{ column }},
        {%- else %}
        cast(null as {{ dbt.type_string() }}) as {{ column }},
        {%- endif %}
        {%- endfor %}
        step,
        sum(cells) as cells,
        sum(right_cells) as right_cells,
        sum(
            right_cells * (1 - stated_confidence) * (1 - stated_confidence)
            + (cells - right_cells) * stated_confidence * stated_confidence
        ) as stated_squares,
        sum(
            right_cells * (1 - measured_confidence) * (1 - measured_confidence)
            + (cells - right_cells) * measured_confidence * measured_confidence
        ) as measured_squares,
        sum(case when measured_confidence is not null then cells end) as measured_cells,
        abs(sum(right_cells - cells * stated_confidence)) as stated_gap,
        abs(sum(
            case
                when measured_confidence is not null
                    then right_cells - cells * measured_confidence
            end
        )) as measured_gap,
    from held_out
    group by
        {%- if strata %}
        source_gap,
        domain,
        value_type,
        {%- endif %}
        model_used,
        prompt_version,
        feature,
        step
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

bins as (
    {%- for binned in [true, false] %}
    select
        {{ key | join(", ") }},
        {{ "step" if binned else "cast(null as integer) as step" }},
        sum(cells) as cells,
        sum(right_cells) * 1.0 / sum(cells) as right_share,
        sum(stated_squares) / sum(cells) as stated_brier,
        sum(measured_squares) / sum(measured_cells) as measured_brier,
        sum(stated_gap) / sum(cells) as stated_ece,
        sum(measured_gap) / sum(measured_cells) as measured_ece,
    from by_bin
    group by {{ key | join(", ") }}{{ ", step" if binned }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

coverage as (
    {%- for strata in [true, false] %}
    select
        {%- for column in confidence_key() %}
        {%- if strata or column in of_model %}
        {{ column }},
        {%- else %}
        cast(null as {{ dbt.type_string() }}) as {{ column }},
        {%- endif %}
        {%- endfor %}
        count(*) as interval_cells,
        avg(coverage) as interval_coverage,
        avg(half_width) as mean_half_width,
    from {{ ref("int_interval_coverage") }}
    group by
        {%- if strata %}
        source_gap,
        domain,
        value_type,
        {%- endif %}
        model_used,
        prompt_version
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    bins.source_gap,
    bins.domain,
    bins.value_type,
    bins.model_used,
    bins.prompt_version,
    bins.feature,
    features.is_chosen,
    bins.step / 20.0 as stated_confidence,
    cast(bins.cells as integer) as cells,
    bins.cells < 30 as is_thin,
    round(cast(bins.right_share as double), 6) as right_share,
    round(confidence_map.measured_confidence, 6) as measured_confidence,
    round(confidence_map.measured_confidence_low, 6) as measured_confidence_low,
    round(confidence_map.measured_confidence_high, 6) as measured_confidence_high,
    round(cast(bins.stated_brier as double), 6) as stated_brier,
    round(cast(bins.measured_brier as double), 6) as measured_brier,
    round(cast(bins.stated_ece as double), 6) as stated_ece,
    round(cast(bins.measured_ece as double), 6) as measured_ece,
    case when {{ is_whole }} then features.compared_cells end as compared_cells,
    case when {{ is_whole }} then round(features.compared_brier, 6) end
        as compared_brier,
    cast(coverage.interval_cells as integer) as interval_cells,
    round(cast(coverage.interval_coverage as double), 6) as interval_coverage,
    round(cast(coverage.mean_half_width as double), 6) as mean_half_width,
from bins
inner join {{ ref("int_confidence_features") }} as features
    on
        bins.model_used = features.model_used
        and bins.prompt_version = features.prompt_version
        and bins.feature = features.feature
left join confidence_map
    on
        {{ same_confidence_key("bins", "confidence_map") }}
        and bins.feature = confidence_map.feature
        and bins.step = confidence_map.step
        and confidence_map.held_out_fold is null
left join coverage
    on
        {{ same_confidence_key("bins", "coverage") }}
        and bins.step is null
        and bins.feature = 'stated'
