{{ config(materialized="view") }}

with {{ asked_answers(ref("int_second_tier_answers")) }},

answers as (
    select * from asked_answers
),

source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
    where source_type = 'LLM'
),

{{ values_of_answers() }}

select * from llm_values
