-- Attributes known for the same jobs from the same records share their donors.
with missing_attributes as (
    select distinct attribute_number from {{ ref("int_asked_cells") }}
),

known_values as (
    select * from {{ ref("int_known_values") }}
),

source_records as (
    select * from {{ ref("int_source_records") }}
),

fingerprints as (
    select
        known_values.attribute_number,
        count(*) as donors,
        {{ set_fingerprint([
            "known_values.job_number", "source_records.source_record_number",
        ]) }} as fingerprint,
    from known_values
    inner join missing_attributes
        on known_values.attribute_number = missing_attributes.attribute_number
    inner join source_records
        on
            known_values.precedence_rank = source_records.precedence_rank
            and known_values.value_id = source_records.value_id
    group by known_values.attribute_number
),

first_attributes as (
    select
        attribute_number,
        min(attribute_number) over (
            partition by donors, fingerprint
        ) as first_attribute_number,
    from fingerprints
),

donor_sets as (
    select
        *,
        dense_rank() over (
            order by first_attribute_number
        ) as donor_set,
    from first_attributes
)

select * from donor_sets
