-- A rating r on O*NET's scale [a, b] becomes c + (r - a) / (b - a) * (d - c) on
-- the attribute's scale [c, d]. Each O*NET-SOC code counts once; its confidence
-- is the measured agreement of the domain times the share of codes with a rating.
with crosswalk as (
    select
        unit_group,
        onet_soc_code,
        count(*) over (partition by unit_group) as mapped_codes,
    from {{ ref("int_noc_onet_crosswalk_checked") }}
    where is_usable
),

elements as (
    select * from {{ ref("int_attribute_onet_elements_checked") }}
    where is_usable
),

attributes as (
    select * from {{ ref("int_attributes") }}
),

ratings as (
    select * from {{ ref("int_onet_ratings_checked") }}
    where is_usable
),

agreement as (
    select * from {{ ref("onet_agreement") }}
),

rescaled as (
    select
        ratings.onet_soc_code,
        attributes.attribute_id,
        attributes.scale_minimum
        + (ratings.rating - ratings.onet_minimum)
        / (ratings.onet_maximum - ratings.onet_minimum)
        * (attributes.scale_maximum - attributes.scale_minimum) as value_number,
        elements.element_id || ' ' || elements.scale_id as element,
        ratings.is_not_relevant,
        coalesce(of_domain.agreement, of_any.agreement) as agreement,
        ratings.dataset,
        ratings.dataset_release,
    from ratings
    inner join elements
        on
            ratings.element_id = elements.element_id
            and ratings.scale_id = elements.scale_id
    inner join attributes
        on elements.attribute_id = attributes.attribute_id
    left join agreement as of_domain
        on
            attributes.domain = of_domain.domain
            and elements.basis = of_domain.basis
    left join agreement as of_any
        on
            of_any.domain = 'any'
            and elements.basis = of_any.basis
),

code_values as (
    select
        onet_soc_code,
        attribute_id,
        {{ ordered_mean("value_number", "element") }} as value_number,
        onet_soc_code
        || case
            when not {{ dbt.bool_or("not is_not_relevant") }}
                then ' (not relevant)'
            when {{ dbt.bool_or("is_not_relevant") }}
                then ' (in part not relevant)'
            else ''
        end as record,
        min(agreement) as agreement,
        max(dataset) as dataset,
        max(dataset_release) as dataset_release,
    from rescaled
    group by onet_soc_code, attribute_id
),

unit_group_values as (
    select
        crosswalk.unit_group,
        code_values.attribute_id,
        round({{ ordered_mean(
            "code_values.value_number", "code_values.onet_soc_code"
        ) }}, 2) as value_number,
        round(
            min(code_values.agreement)
            * count(*) / min(crosswalk.mapped_codes), 2
        ) as confidence,
        max(code_values.dataset) as dataset,
        max(code_values.dataset_release) as dataset_release,
        'O*NET-SOC ' || {{ dbt.listagg(
            "code_values.record", "', '", "order by crosswalk.onet_soc_code"
        ) }} as source_record,
    from crosswalk
    inner join code_values
        on crosswalk.onet_soc_code = code_values.onet_soc_code
    group by crosswalk.unit_group, code_values.attribute_id
)

select
    cast(row_number() over (
        order by unit_group_values.unit_group, attributes.attribute_number
    ) as integer) as value_id,
    unit_group_values.unit_group,
    attributes.attribute_number,
    {{ number_text("unit_group_values.value_number") }} as value,
    unit_group_values.value_number,
    unit_group_values.confidence,
    unit_group_values.dataset,
    unit_group_values.dataset_release,
    unit_group_values.source_record,
from unit_group_values
inner join attributes
    on unit_group_values.attribute_id = attributes.attribute_id
