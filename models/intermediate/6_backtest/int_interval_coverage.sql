-- How likely the truth of each twin is in its interval, which its own job had no part in:
-- the share of the draws that give one wide enough, so that no luck of a draw is in it.
{%- set key = confidence_key() %}
with estimates as (
    select
        masked_gap as source_gap,
        domain,
        value_type,
        model_used,
        prompt_version,
        twin_number,
        attribute_number,
        fold,
        distance,
    from {{ ref("int_backtest_estimates") }}
    where estimator = 'llm' and distance is not null
),

coverage as (
    select
        {%- for column in key %}
        estimates.{{ column }},
        {%- endfor %}
        estimates.twin_number,
        estimates.attribute_number,
        sum(
            case
                when estimates.distance <= intervals.half_width
                    then intervals.draw_to - intervals.draw_from
                else 0
            end
        ) as coverage,
        sum(
            intervals.half_width * (intervals.draw_to - intervals.draw_from)
        ) as half_width,
    from estimates
    inner join {{ ref("int_prediction_intervals") }} as intervals
        on
            {{ same_confidence_key("estimates", "intervals") }}
            and estimates.fold = intervals.held_out_fold
    group by
        {%- for column in key %}
        estimates.{{ column }},
        {%- endfor %}
        estimates.twin_number,
        estimates.attribute_number
)

select * from coverage
