with noc_structure as (
    select * from {{ ref("stg_noc_structure") }}
),

checked as (
    select
        *,
        case
            when record_problem is not null then record_problem
            when noc_code is null
                then 'noc_code: is empty; give the class its code'
            when noc_level is null or noc_level not between 1 and 5
                then 'noc_level: is not a number from 1 to 5'
            when length(noc_code) <> noc_level
                then 'noc_code: ''' || noc_code || ''' has not the digits of '
                    || 'level ' || noc_level || '; keep the leading zeros'
        end as fault,
    from noc_structure
),

{{ unrepeated("checked", ["noc_code"]) }}

select
    *,
    problem is null as is_usable,
from unrepeated
