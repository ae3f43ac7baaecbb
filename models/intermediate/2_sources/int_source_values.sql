-- What the ids of the candidates stand for.
{{ config(materialized="view") }}

with review_values as (
    select
        'REVIEW' as source_type,
        value_id,
        attribute_number,
        value,
        value_number,
        confidence,
        dataset,
        dataset_release,
        source_record,
        inheritance_level,
    from {{ ref("int_review_values") }}
),

authoritative_values as (
    select
        'AUTHORITATIVE' as source_type,
        value_id,
        attribute_number,
        value,
        value_number,
        confidence,
        dataset,
        dataset_release,
        source_record,
        inheritance_level,
    from {{ ref("int_authoritative_values") }}
),

onet_values as (
    select
        'ONET' as source_type,
        value_id,
        attribute_number,
        value,
        value_number,
        confidence,
        dataset,
        dataset_release,
        source_record,
        cast(null as {{ dbt.type_string() }}) as inheritance_level,
    from {{ ref("int_onet_values") }}
),

added_values as (
    select
        source_type,
        value_id,
        attribute_number,
        value,
        value_number,
        confidence,
        dataset,
        dataset_release,
        source_record,
        cast(null as {{ dbt.type_string() }}) as inheritance_level,
    from {{ ref("int_added_values") }}
),

all_values as (
    select * from review_values
    union all
    select * from authoritative_values
    union all
    select * from onet_values
    union all
    select * from added_values
),

source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
),

source_values as (
    select
        cast(source_precedence.precedence_rank as integer) as precedence_rank,
        source_precedence.source_precedence,
        all_values.*,
    from all_values
    inner join source_precedence
        on all_values.source_type = source_precedence.source_type
)

select * from source_values
