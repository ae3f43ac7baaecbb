-- Figures of twins have intervals by a bootstrap over jobs, since cells of one job are
-- not independent: in each of 1,000 resamples a job counts as often as a Poisson variable
-- of mean 1 says, which is drawn by a hash of job and resample (Chamandy et al.,
-- Estimating uncertainty for massive data streams, 2012).
with jobs as (
    select distinct job_hash
    from {{ ref("int_backtest_cells") }}
),

resamples as (
    select {{ unnest_range(1000) }} as resample
),

drawn as (
    select
        jobs.job_hash,
        resamples.resample,
        {{ poisson_draw("jobs.job_hash", "resamples.resample") }} as weight,
    from jobs
    cross join resamples
)

select * from drawn
where weight > 0
