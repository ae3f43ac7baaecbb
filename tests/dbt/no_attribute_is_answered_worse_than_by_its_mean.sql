-- Warns of an attribute on whose twins a model is further off than the other jobs' mean
-- (where there is none, their most frequent value), by more than chance: the lower end of
-- the 90 % interval of the difference is above 0. Twins of one job count as one.
{{ config(severity="warn") }}

with losses as (
    select
        *,
        coalesce(abs(error), case when is_exact then 0 else 1 end) as loss,
    from {{ ref("int_backtest_estimates") }}
    where estimator in ('llm', 'attribute_mean') and value_type <> 'text'
),

by_job as (
    select
        answers.attribute_number,
        answers.model_used,
        answers.prompt_version,
        answers.job_hash,
        count(*) as twins,
        avg(answers.loss) as answer_loss,
        avg(means.loss) as mean_loss,
    from losses as answers
    inner join losses as means
        on
            answers.twin_number = means.twin_number
            and answers.attribute_number = means.attribute_number
    where answers.estimator = 'llm' and means.estimator = 'attribute_mean'
    group by
        answers.attribute_number,
        answers.model_used,
        answers.prompt_version,
        answers.job_hash
),

judged as (
    select
        attribute_number,
        model_used,
        prompt_version,
        sum(twins) as twins,
        avg(answer_loss) as error,
        avg(mean_loss) as error_of_mean,
        stddev_samp(answer_loss - mean_loss) / sqrt(count(*)) as standard_error,
    from by_job
    group by attribute_number, model_used, prompt_version
)

select
    attributes.attribute_id,
    judged.model_used,
    judged.prompt_version,
    judged.twins,
    judged.error,
    judged.error_of_mean,
from judged
inner join {{ ref("int_attributes") }} as attributes
    on judged.attribute_number = attributes.attribute_number
where
    judged.twins >= {{ var("lint_min_twins") }}
    and judged.error - judged.error_of_mean > 1.644854 * judged.standard_error
