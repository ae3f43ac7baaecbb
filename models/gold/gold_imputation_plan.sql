-- Figures are null where the run did not plan (llm_mode is not plan), and cost also
-- where the model has no price. A plan gives 0 calls to a cell that waits in a batch, and
-- some to an answer that is asked for again.
-- A cell of the second tier that the first one has yet to answer counts at the share of
-- the twins of its kind that are below the bound; where nothing was measured, at null.
{%- set tiers = llm_tiers() %}
with first_tier as (
    select
        *,
        cast(1 as integer) as tier,
    from {{ ref("int_llm_imputed_attributes") }}
    where
        estimated_calls > 0
        or (outcome = 'awaiting_llm' and estimated_calls is null)
),

source_gaps as (
    select * from {{ ref("int_source_gaps") }}
),

attributes as (
    select * from {{ ref("int_attributes") }}
),

{% if tiers -%}
second_tier as (
    select
        *,
        cast(2 as integer) as tier,
    from {{ ref("int_second_tier_answers") }}
    where
        estimated_calls > 0
        or (outcome = 'awaiting_llm' and estimated_calls is null)
),

shares as (
    select
        source_gap,
        domain,
        value_type,
        avg(case when is_below then 1.0 else 0.0 end) as share,
    from {{ ref("int_twin_tiers") }}
    group by source_gap, domain, value_type
),

-- What has no twin is measured nowhere, and stays with the first tier.
measured as (
    select count(measured_confidence) > 0 as is_measured
    from {{ ref("int_twin_tiers") }}
),

expected_second_tier as (
    select
        second_tier.*,
        case
            when first_answers.outcome = 'answered' then 1
            when measured.is_measured then coalesce(shares.share, 0)
        end as share,
    from second_tier
    cross join measured
    inner join {{ ref("int_llm_imputed_attributes") }} as first_answers
        on
            second_tier.job_id = first_answers.job_id
            and second_tier.attribute_id = first_answers.attribute_id
    inner join source_gaps
        on
            second_tier.job_id = source_gaps.job_id
            and second_tier.attribute_id = source_gaps.attribute_id
    inner join attributes
        on second_tier.attribute_id = attributes.attribute_id
    left join shares
        on
            source_gaps.source_gap = shares.source_gap
            and attributes.domain = shares.domain
            and attributes.value_type = shares.value_type
),

{% endif -%}
cells_to_ask as (
    select
        *,
        cast(1 as double) as share,
    from first_tier
    {%- if tiers %}
    union all
    select * from expected_second_tier
    where share is null or share > 0
    {%- endif %}
),

plan as (
    select
        attributes.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        source_gaps.source_gap,
        count(*) as cells,
        round(sum(cells_to_ask.estimated_calls * cells_to_ask.share), 6)
            as estimated_calls,
        round(sum(cells_to_ask.estimated_input_tokens * cells_to_ask.share), 3)
            as estimated_input_tokens,
        round(sum(cells_to_ask.estimated_output_tokens * cells_to_ask.share), 3)
            as estimated_output_tokens,
        round(sum(cells_to_ask.estimated_cost_usd * cells_to_ask.share), 9)
            as estimated_cost_usd,
        cells_to_ask.tier,
    from cells_to_ask
    inner join source_gaps
        on
            cells_to_ask.job_id = source_gaps.job_id
            and cells_to_ask.attribute_id = source_gaps.attribute_id
    inner join attributes
        on cells_to_ask.attribute_id = attributes.attribute_id
    group by
        attributes.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        source_gaps.source_gap,
        cells_to_ask.tier
)

select * from plan
