with oasis_profiles as (
    select
        *,
        left(oasis_profile, 5) as unit_group,
    from {{ ref("stg_oasis_profiles") }}
),

unit_groups as (
    select noc_code from {{ ref("int_noc_structure_checked") }}
    where is_usable and noc_level = 5
),

checked as (
    select
        oasis_profiles.*,
        case
            when record_problem is not null then record_problem
            when oasis_profile is null
                then 'oasis_profile: is empty; give the profile its code'
            when unit_groups.noc_code is null
                then 'oasis_profile: ''' || oasis_profile || ''' belongs to no '
                    || 'unit group of the NOC structure; correct the code'
        end as fault,
    from oasis_profiles
    left join unit_groups
        on oasis_profiles.unit_group = unit_groups.noc_code
),

{{ unrepeated("checked", ["oasis_profile"]) }}

select
    *,
    problem is null as is_usable,
from unrepeated
