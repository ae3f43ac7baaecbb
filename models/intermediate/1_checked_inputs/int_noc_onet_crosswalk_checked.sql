with crosswalk as (
    select
        *,
        row_number() over (
            partition by unit_group, onet_soc_code
            order by source_file, source_row
        ) as occurrence,
    from {{ ref("stg_noc_onet_crosswalk") }}
),

unit_groups as (
    select noc_code from {{ ref("int_noc_structure_checked") }}
    where is_usable and noc_level = 5
),

checked as (
    select
        crosswalk.*,
        case
            when record_problem is not null then record_problem
            when unit_groups.noc_code is null
                then {{ no_unit_group("unit_group_text") }} || '; correct the code'
            when onet_soc_code is null
                then 'onet_soc_code: is empty; give the O*NET-SOC code'
            when not {{ is_onet_soc_code("onet_soc_code") }}
                then 'onet_soc_code: ''' || onet_soc_code || ''' has not the form '
                    || 'of an O*NET-SOC code, such as 15-2051.00'
        end as problem,
        case
            when occurrence > 1
                then 'onet_soc_code: the pair stands in an earlier row already, '
                    || 'under another title; it counts once'
        end as left_out_by_rule,
    from crosswalk
    left join unit_groups
        on crosswalk.unit_group = unit_groups.noc_code
)

select
    *,
    problem is null and left_out_by_rule is null as is_usable,
from checked
