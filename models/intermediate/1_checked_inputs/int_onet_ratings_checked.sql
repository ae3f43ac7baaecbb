with onet_ratings as (
    select * from {{ ref("stg_onet_ratings") }}
),

onet_scales as (
    select
        scale_id as known_scale_id,
        cast(minimum as double) as onet_minimum,
        cast(maximum as double) as onet_maximum,
    from {{ ref("onet_scales") }}
),

rules as (
    select count(*) > 0 as not_relevant_is_lowest
    from {{ ref("onet_rules") }}
    where rule = 'not_relevant' and value = 'lowest'
),

left_out_scales as (
    select
        split_part(rule, ' ', 2) as left_out_scale_id,
        true as scale_is_left_out,
    from {{ ref("onet_rules") }}
    where rule like 'scale %' and value = 'left_out'
),

stated as (
    select
        onet_ratings.* exclude (rating),
        onet_minimum,
        onet_maximum,
        known_scale_id,
        coalesce(scale_is_left_out, false) as scale_is_left_out,
        not_relevant = 'Y' and not_relevant_is_lowest as is_not_relevant,
        case
            when not_relevant = 'Y' and not_relevant_is_lowest then onet_minimum
            else rating
        end as rating,
    from onet_ratings
    cross join rules
    left join onet_scales
        on onet_ratings.scale_id = onet_scales.known_scale_id
    left join left_out_scales
        on onet_ratings.scale_id = left_out_scales.left_out_scale_id
),

checked as (
    select
        * exclude (known_scale_id, scale_is_left_out),
        case
            when record_problem is not null then record_problem
            when onet_soc_code is null
                then 'onet_soc_code: is empty; give the O*NET-SOC code'
            when not {{ is_onet_soc_code("onet_soc_code") }}
                then 'onet_soc_code: ''' || onet_soc_code || ''' has not the form '
                    || 'of an O*NET-SOC code, such as 15-2051.00'
            when element_id is null
                then 'element_id: is empty; give the element of the content model'
            when scale_is_left_out then null
            when known_scale_id is null
                then 'scale_id: ''' || coalesce(scale_id, '') || ''' is no scale '
                    || 'of O*NET; see seeds/reference/onet_scales.csv'
            when recommend_suppress not in ('Y', 'N')
                then 'recommend_suppress: ''' || recommend_suppress || ''' is neither '
                    || 'Y nor N'
            when not_relevant not in ('Y', 'N')
                then 'not_relevant: ''' || not_relevant || ''' is neither Y nor N'
            when rating is null
                then 'data_value: ''' || coalesce(data_value, '') || ''' is no number'
            when {{ has_more_than_six_decimals("data_value") }}
                then 'data_value: ' || data_value || ' has more than six decimals; '
                    || 'round it'
            when rating < onet_minimum or rating > onet_maximum
                then 'data_value: ' || data_value || ' is off the scale ' || scale_id
                    || ' (' || onet_minimum || ' to ' || onet_maximum || ')'
        end as fault,
        case
            when scale_is_left_out
                then 'scale_id: ' || scale_id || ' is left out by rule; see '
                    || 'seeds/reference/onet_rules.csv'
            when recommend_suppress = 'Y'
                then 'recommend_suppress: O*NET marks the figure as unreliable'
            when not_relevant = 'Y' and not is_not_relevant
                then 'not_relevant: the level was not asked of this occupation'
        end as left_out_by_rule,
    from stated
),

{{ unrepeated(
    "checked",
    ["onet_soc_code", "element_id", "scale_id"],
    repeated="onet_soc_code: the same occupation, element and scale stand in an "
    ~ "earlier row already; remove one of the two",
) }}

select
    *,
    problem is null and left_out_by_rule is null as is_usable,
from unrepeated
