-- The mean of a group's imputed ratings, corrected by twins: prediction-powered inference
-- (Angelopoulos et al., Prediction-powered inference, 2023) with the power tuning of
-- PPI++ (Angelopoulos, Duchi and Zrnic, arXiv 2311.01453) where the twins are of the
-- group itself. Twins of the whole stratum tell of the bias alone, so that they take the
-- place of no part of the prediction: there the power is 1. Its variance is that of a
-- mean of such jobs; finite_variance that of the mean of these very ones, whose truths
-- lie around what is predicted.
{%- set key = confidence_key() %}
{%- set group = ["grouped_by", "group_name", "attribute_number"] %}
with imputed as (
    select
        {{ (group + key) | join(", ") }},
        count(*) as cells,
        avg(value_number) as mean,
        var_pop(value_number) as variance,
    from {{ ref("int_imputed_ratings") }}
    group by {{ (group + key) | join(", ") }}
),

rectifiers as (
    select * from {{ ref("int_rectifiers") }}
),

paired as (
    select
        imputed.*,
        coalesce(of_group.twins, of_stratum.twins, 0) as twins,
        of_group.twins is not null as is_of_group,
        of_group.true_mean,
        of_group.estimated_mean,
        of_group.true_variance,
        of_group.estimated_variance,
        of_group.covariance,
        of_stratum.mean_residual,
        of_stratum.residual_variance,
        of_stratum.cell_variance,
        imputed.cells + of_group.twins as all_cells,
        (imputed.cells * imputed.mean + of_group.twins * of_group.estimated_mean)
        / (imputed.cells + of_group.twins) as all_mean,
    from imputed
    left join rectifiers as of_group
        on
            of_group.twins_of = 'group'
            and {{ same_confidence_key("imputed", "of_group") }}
            {%- for column in group %}
            and imputed.{{ column }} = of_group.{{ column }}
            {%- endfor %}
    left join rectifiers as of_stratum
        on
            of_stratum.twins_of = 'stratum'
            and {{ same_confidence_key("imputed", "of_stratum") }}
),

-- The variance of all predictions together, of twins and of imputed cells.
pooled as (
    select
        *,
        (
            cells * (variance + (mean - all_mean) * (mean - all_mean))
            + twins * estimated_variance
            + twins * (estimated_mean - all_mean) * (estimated_mean - all_mean)
        ) / (all_cells - 1) as all_variance,
    from paired
),

tuned as (
    select
        *,
        covariance
        / nullif((1 + twins * 1.0 / cells) * all_variance, 0) as tuned_power,
    from pooled
),

powered as (
    select
        *,
        case
            when not is_of_group then 1
            else least(1, greatest(0, coalesce(tuned_power, 0)))
        end as power,
    from tuned
),

unexplained as (
    select
        *,
        true_variance - 2 * power * covariance + power * power * estimated_variance
            as unexplained_variance,
    from powered
),

-- By rounding a variance of nothing can be a little below 0.
residuals as (
    select
        *,
        case
            when not is_of_group then cell_variance
            when unexplained_variance > 0 then unexplained_variance
            else 0
        end as residual_cell_variance,
    from unexplained
),

rectified as (
    select
        *,
        case
            when is_of_group then residual_cell_variance / twins
            else residual_variance
        end as rectifier_variance,
    from residuals
),

estimates as (
    select
        *,
        power * mean + case
            when is_of_group then true_mean - power * estimated_mean
            else mean_residual
        end as estimate,
        power * power * variance / cells + rectifier_variance as estimate_variance,
        residual_cell_variance / cells + rectifier_variance as finite_variance,
    from rectified
)

select
    {{ (group + key) | join(", ") }},
    cells,
    mean,
    twins,
    case when is_of_group then 'group' else 'stratum' end as twins_of,
    power,
    case when twins >= 30 then estimate end as estimate,
    case when twins >= 30 then estimate_variance end as estimate_variance,
    case when twins >= 30 then finite_variance end as finite_variance,
from estimates
