-- Whether the truth of each twin is in the interval that its own job had no part in.
{%- set key = confidence_key() %}
with estimates as (
    select
        masked_gap as source_gap,
        domain,
        value_type,
        model_used,
        prompt_version,
        fold,
        draw,
        distance,
    from {{ ref("int_backtest_estimates") }}
    where estimator = 'llm' and distance is not null
),

coverage as (
    select
        {%- for column in key %}
        estimates.{{ column }},
        {%- endfor %}
        estimates.distance <= intervals.half_width as is_covered,
        intervals.half_width,
    from estimates
    inner join {{ ref("int_prediction_intervals") }} as intervals
        on
            {{ same_confidence_key("estimates", "intervals") }}
            and estimates.fold = intervals.held_out_fold
            and estimates.draw >= intervals.draw_from
            and estimates.draw < intervals.draw_to
)

select * from coverage
