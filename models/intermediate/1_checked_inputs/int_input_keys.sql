-- Which keys of an input find the row of another input that they point to. Empty ones
-- point nowhere, and are not counted.
{{ config(post_hook=[
    "{{ stop_at_unknown_codes(this) }}",
    "{{ name_unrated_attributes("
    ~ "ref('oasis_attributes'), ref('int_attributes'),"
    ~ " ref('int_authoritative_values_checked')) }}",
]) }}

with keys as (
    select
        'jobs' as input,
        'unit_group' as key_column,
        'noc_structure' as points_to,
        'unit_group' as kind,
        unit_group as code,
        unit_group_text as code_text,
    from {{ ref("int_jobs_checked") }}
    where is_sound
    union all
    select
        'authoritative_values' as input,
        'scope_code' as key_column,
        case scope_level
            when 'job' then 'jobs'
            when 'oasis_profile' then 'oasis_profiles'
            else 'noc_structure'
        end as points_to,
        scope_level as kind,
        scope_code as code,
        scope_code_text as code_text,
    from {{ ref("int_authoritative_values_checked") }}
    where record_problem is null
    union all
    select
        'authoritative_values' as input,
        'attribute_id' as key_column,
        'attributes' as points_to,
        'attribute' as kind,
        attribute_id as code,
        attribute_id as code_text,
    from {{ ref("int_authoritative_values_checked") }}
    where record_problem is null
    union all
    select
        'oasis_profiles' as input,
        'oasis_profile' as key_column,
        'noc_structure' as points_to,
        'unit_group' as kind,
        unit_group as code,
        oasis_profile as code_text,
    from {{ ref("int_oasis_profiles_checked") }}
    where record_problem is null
    union all
    select
        'oasis_example_titles' as input,
        'oasis_profile' as key_column,
        'oasis_profiles' as points_to,
        'oasis_profile' as kind,
        oasis_profile as code,
        oasis_profile as code_text,
    from {{ ref("int_oasis_example_titles_checked") }}
    where record_problem is null
    union all
    select
        'noc_onet_crosswalk' as input,
        'unit_group' as key_column,
        'noc_structure' as points_to,
        'unit_group' as kind,
        unit_group as code,
        unit_group_text as code_text,
    from {{ ref("int_noc_onet_crosswalk_checked") }}
    where record_problem is null
    union all
    select
        'noc_onet_crosswalk' as input,
        'onet_soc_code' as key_column,
        'onet_ratings' as points_to,
        'occupation' as kind,
        onet_soc_code as code,
        onet_soc_code as code_text,
    from {{ ref("int_noc_onet_crosswalk_checked") }}
    where record_problem is null
    union all
    select
        'attribute_onet_elements' as input,
        'element_id' as key_column,
        'onet_ratings' as points_to,
        'element' as kind,
        element_id as code,
        element_id as code_text,
    from {{ ref("int_attribute_onet_elements_checked") }}
    where record_problem is null
),

partners as (
    select
        known_scope_level as kind,
        known_scope_code as code,
    from {{ ref("int_scopes") }}
    union all
    select
        'attribute' as kind,
        attribute_id as code,
    from {{ ref("int_attributes") }}
    union all
    select distinct
        'occupation' as kind,
        onet_soc_code as code,
    from {{ ref("int_onet_ratings_checked") }}
    union all
    select distinct
        'element' as kind,
        element_id as code,
    from {{ ref("int_onet_ratings_checked") }}
),

counted as (
    select
        keys.input,
        keys.key_column,
        keys.points_to,
        count(*) as rows_with_key,
        count(case when partners.code is null then 1 end)
            as rows_without_partner,
        min(case when partners.code is null then keys.code_text end) as example,
    from keys
    left join partners
        on
            keys.kind = partners.kind
            and keys.code = partners.code
    where keys.code is not null
    group by keys.input, keys.key_column, keys.points_to
)

select
    *,
    round(
        cast(rows_without_partner as double) / rows_with_key, 4
    ) as share_without_partner,
from counted
