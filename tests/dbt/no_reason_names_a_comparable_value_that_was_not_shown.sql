-- Warns of a rating or number whose rationale names a value of comparable jobs (the macro
-- says in which words) that the prompt did not show. Shown is what is in the range of the
-- attribute's comparable values, as a mean of them is; where it had none, a comparable
-- value of its pack; and a known attribute's value. The answer itself and the ends of the
-- scale name nothing. Nothing is said of answers that are not known to be of today's
-- evidence: is_stale tells that from the build on that follows the one that asked.
{{ config(severity="warn") }}

with named as (
    select
        llm_values.*,
        packs.attribute_id,
        packs.pack_id,
        coalesce(packs.scale_minimum, llm_values.value_number) as lowest,
        coalesce(packs.scale_maximum, llm_values.value_number) as highest,
        {{ named_comparable_value("llm_values.rationale") }} as named_text,
    from {{ ref("int_llm_values") }} as llm_values
    inner join {{ ref("int_attribute_packs") }} as packs
        on llm_values.attribute_number = packs.attribute_number
    where not llm_values.is_stale and llm_values.value_number is not null
),

-- As the rationale rounds: 4.43 may be called 4.4, or 4.
suspect as (
    select
        *,
        cast(named_text as double) as number,
        power(10.0, -length({{ dbt.split_part("named_text", "'.'", 2) }})) as step,
    from named
    where cast(named_text as double) not in (lowest, highest)
),

shown as (
    select
        suspect.value_id,
        source_values.value_number,
        case
            when packs.attribute_number = suspect.attribute_number
                then source_values.value_number
        end as own_number,
        abs(source_values.value_number - suspect.number) < suspect.step as is_named,
    from suspect
    inner join {{ ref("int_attribute_packs") }} as packs
        on suspect.pack_id = packs.pack_id
    inner join {{ ref("int_comparable_jobs") }} as comparable_jobs
        on
            suspect.job_number = comparable_jobs.job_number
            and packs.attribute_number = comparable_jobs.attribute_number
    inner join {{ ref("int_source_values") }} as source_values
        on
            comparable_jobs.precedence_rank = source_values.precedence_rank
            and comparable_jobs.value_id = source_values.value_id
),

ranges as (
    select
        value_id,
        min(own_number) as low,
        max(own_number) as high,
        {{ dbt.bool_or("is_named") }} as is_in_pack,
    from shown
    group by value_id
)

select
    suspect.job_number,
    suspect.attribute_id,
    suspect.model_used,
    suspect.value,
    suspect.rationale,
    ranges.low,
    ranges.high,
from suspect
left join ranges
    on suspect.value_id = ranges.value_id
where
    abs(suspect.value_number - suspect.number) >= suspect.step
    and not coalesce(
        suspect.number > ranges.low - suspect.step
        and suspect.number < ranges.high + suspect.step,
        ranges.is_in_pack,
        false
    )
    and not exists (
        select 1 from {{ ref("int_known_attributes") }} as known
        where
            known.job_number = suspect.job_number
            and abs({{ to_number("known.value") }} - suspect.number) < suspect.step
    )
