-- Whom a twin may be compared with, and in which relation: nobody whose value would give
-- away what is masked. That is its own job, whoever has the very source record or one
-- that O*NET rated by the same occupation, and its unit group, which has the value if the
-- job has it, unless the value is the job's own; of an attribute that no source has, only
-- what the organisation says of other jobs is left.
with twins as (
    select
        asking_jobs.donor_set,
        asking_jobs.job_number,
        asking_jobs.own_number,
        asking_jobs.masked_gap,
        jobs.unit_group,
        jobs.minor_group,
        jobs.job_family,
    from {{ ref("int_asking_jobs") }} as asking_jobs
    inner join {{ ref("int_weighed_jobs") }} as jobs
        on asking_jobs.own_number = jobs.job_number
    where asking_jobs.masked_gap is not null
),

donors as (
    select
        donors.*,
        jobs.unit_group,
        jobs.minor_group,
        jobs.job_family,
    from {{ ref("int_donors") }} as donors
    inner join {{ ref("int_weighed_jobs") }} as jobs
        on donors.job_number = jobs.job_number
    where donors.donor_set in (select donor_set from twins)
),

crosswalk as (
    select
        unit_group,
        onet_soc_code,
    from {{ ref("int_noc_onet_crosswalk_checked") }}
    where is_usable
),

-- Unit groups that O*NET rates by one occupation at least that rates the twin's.
rated_alike as (
    select distinct
        own.unit_group,
        other.unit_group as other_unit_group,
    from crosswalk as own
    inner join crosswalk as other
        on own.onet_soc_code = other.onet_soc_code
    where own.unit_group in (select unit_group from twins)
),

visible_donors as (
    select
        twins.donor_set,
        twins.job_number,
        twins.own_number,
        twins.masked_gap,
        donors.job_number as donor_number,
        donors.record_number,
        twins.masked_gap <> 'job_without_unit_group'
        and twins.minor_group = donors.minor_group as is_in_minor_group,
        twins.job_family = donors.job_family as is_in_family,
    from twins
    inner join donors as own
        on
            twins.donor_set = own.donor_set
            and twins.own_number = own.job_number
    inner join donors
        on twins.donor_set = donors.donor_set
    left join rated_alike
        on
            donors.source_type = 'ONET'
            and twins.unit_group = rated_alike.unit_group
            and donors.unit_group = rated_alike.other_unit_group
    where
        donors.job_number <> twins.own_number
        and donors.record_number <> own.record_number
        and rated_alike.unit_group is null
        and (own.is_own or donors.unit_group is distinct from twins.unit_group)
        and (donors.is_own or twins.masked_gap <> 'attribute_in_no_source')
),

similarities as (
    select * from {{ ref("int_title_similarities") }}
),

group_donors as (
    select * from {{ ref("int_group_donors") }}
    where relation_rank > 4
),

job_groups as (
    select * from {{ ref("int_job_groups") }}
    where relation_rank > 4
),

twin_donors as (
    select
        visible_donors.donor_set,
        visible_donors.job_number,
        visible_donors.donor_number,
        visible_donors.record_number,
        case
            when visible_donors.is_in_minor_group then 2
            when visible_donors.is_in_family then 3
            else 4
        end as relation_rank,
        coalesce(similarities.similarity, 0) as similarity,
    from visible_donors
    left join similarities
        on
            visible_donors.own_number = similarities.job_number
            and visible_donors.donor_number = similarities.donor_number
    where
        similarities.similarity is not null
        or visible_donors.is_in_minor_group
        or visible_donors.is_in_family
    union all
    select
        visible_donors.donor_set,
        visible_donors.job_number,
        visible_donors.donor_number,
        visible_donors.record_number,
        group_donors.relation_rank,
        cast(0 as double) as similarity,
    from visible_donors
    inner join job_groups
        on visible_donors.own_number = job_groups.job_number
    inner join group_donors
        on
            visible_donors.donor_set = group_donors.donor_set
            and job_groups.relation_rank = group_donors.relation_rank
            and job_groups.group_key = group_donors.group_key
            and visible_donors.donor_number = group_donors.donor_number
)

select * from twin_donors
