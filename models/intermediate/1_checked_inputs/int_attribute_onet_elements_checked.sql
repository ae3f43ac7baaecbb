{{ config(post_hook="{{ name_domains_without_onet(ref('int_attributes'), this) }}") }}

with elements as (
    select * from {{ ref("stg_attribute_onet_elements") }}
),

attributes as (
    select
        attribute_id as known_attribute_id,
        value_type,
        scale_minimum,
        scale_maximum,
    from {{ ref("int_attributes") }}
),

rated_elements as (
    select distinct
        element_id as rated_element_id,
        scale_id as rated_scale_id,
    from {{ ref("stg_onet_ratings") }}
),

checked as (
    select
        elements.*,
        case
            when record_problem is not null then record_problem
            when known_attribute_id is null
                then 'attribute_id: ''' || coalesce(attribute_id, '') || ''' is '
                    || 'not in the attribute catalogue; add it or correct the id'
            when value_type not in ('rating', 'number')
                or scale_minimum is null
                or scale_maximum is null
                then 'attribute_id: ''' || attribute_id || ''' has no scale to '
                    || 'which a rating of O*NET can be brought'
            when basis is null or basis not in ('exact_name', 'judged')
                then 'basis: ''' || coalesce(basis, '') || ''' is none of '
                    || 'exact_name, judged'
            when rated_element_id is null
                then 'element_id: ''' || coalesce(element_id, '') || ''' has no '
                    || 'rating on the scale ' || coalesce(scale_id, '(empty)')
        end as fault,
    from elements
    left join attributes
        on elements.attribute_id = attributes.known_attribute_id
    left join rated_elements
        on
            elements.element_id = rated_elements.rated_element_id
            and elements.scale_id = rated_elements.rated_scale_id
),

{{ unrepeated(
    "checked",
    ["attribute_id", "element_id", "scale_id"],
    repeated="element_id: the same pair stands in an earlier row already",
) }}

select
    *,
    problem is null as is_usable,
from unrepeated
