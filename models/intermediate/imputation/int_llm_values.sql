-- Every answer counts, whatever its confidence; a refusal or failure is none.
with answers as (
    select * from {{ ref("int_llm_imputed_attributes") }}
    where outcome = 'answered'
),

attributes as (
    select * from {{ ref("int_attributes") }}
),

llm_values as (
    select
        answers.*,
        case
            when attributes.value_type in ('rating', 'number')
                then cast(answers.value as double)
        end as value_number,
    from answers
    inner join attributes
        on answers.attribute_id = attributes.attribute_id
)

select * from llm_values
