-- How far a number may be off: half the width of an interval that has the truth in it in
-- 90 of 100 cells, by split conformal prediction (Vovk, Gammerman and Shafer, Algorithmic
-- Learning in a Random World, 2005): a quantile of the distances on twins. Distances of
-- whole steps have ties, which the smoothed form breaks by the cell's draw: so many cells
-- get the wider of two half widths as make 90, and not 97. A row with held_out_fold is
-- reckoned without the jobs of that fold.
{%- set key = confidence_key() | join(", ") %}
{%- set level = 0.1 %}
with estimates as (
    select
        masked_gap as source_gap,
        domain,
        value_type,
        model_used,
        prompt_version,
        fold,
        distance,
    from {{ ref("int_backtest_estimates") }}
    where estimator = 'llm' and distance is not null
),

folds as (
    select cast(null as integer) as held_out_fold
    union all
    select {{ unnest_range(folds()) }} - 1 as held_out_fold
),

strata as (
    select
        {{ key }},
        count(*) as cells,
    from estimates
    group by {{ key }}
),

distances as (
    select
        estimates.source_gap,
        estimates.domain,
        estimates.value_type,
        estimates.model_used,
        estimates.prompt_version,
        folds.held_out_fold,
        estimates.distance,
        count(*) as cells,
    from estimates
    inner join strata
        on {{ same_confidence_key("estimates", "strata") }}
    cross join folds
    where
        estimates.fold is distinct from folds.held_out_fold
        and strata.cells >= 30
    group by
        estimates.source_gap,
        estimates.domain,
        estimates.value_type,
        estimates.model_used,
        estimates.prompt_version,
        folds.held_out_fold,
        estimates.distance
),

counted as (
    select
        *,
        sum(cells) over (
            partition by {{ key }}, held_out_fold
        ) as all_cells,
        sum(cells) over (
            partition by {{ key }}, held_out_fold
            order by distance desc
        ) - cells as further_cells,
    from distances
),

-- A distance is in the interval of a cell whose draw is above this.
bounded as (
    select
        *,
        ({{ level }} * (all_cells + 1) - further_cells) / (cells + 1.0) as draw_bound,
    from counted
    where {{ level }} * (all_cells + 1) >= 1
),

half_widths as (
    select
        {{ key }},
        held_out_fold,
        all_cells as cells,
        distance as half_width,
        case
            when row_number() over by_distance = 1 then 0.0
            else draw_bound
        end as draw_from,
        coalesce(lead(draw_bound) over by_distance, 1.0) as draw_to,
    from bounded
    window
        by_distance as (
            partition by {{ key }}, held_out_fold
            order by distance asc
        )
)

select
    {{ key }},
    cast(held_out_fold as integer) as held_out_fold,
    cast(cells as integer) as cells,
    half_width,
    greatest(draw_from, 0.0) as draw_from,
    least(draw_to, 1.0) as draw_to,
from half_widths
where greatest(draw_from, 0.0) < least(draw_to, 1.0)
