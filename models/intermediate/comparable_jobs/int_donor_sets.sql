-- Attributes known for the same jobs from the same records share their donors.
with missing_attributes as (
    select distinct attribute_id from {{ ref("int_missing_cells") }}
),

known_values as (
    select * from {{ ref("int_known_values") }}
),

fingerprints as (
    select
        known_values.attribute_id,
        count(*) as donors,
        {{ set_fingerprint(["job_id", "source_record"]) }} as fingerprint,
    from known_values
    inner join missing_attributes
        on known_values.attribute_id = missing_attributes.attribute_id
    group by known_values.attribute_id
),

first_attributes as (
    select
        attribute_id,
        min(attribute_id) over (
            partition by donors, fingerprint
        ) as first_attribute_id,
    from fingerprints
),

donor_sets as (
    select
        *,
        dense_rank() over (
            order by first_attribute_id
        ) as donor_set,
    from first_attributes
)

select * from donor_sets
