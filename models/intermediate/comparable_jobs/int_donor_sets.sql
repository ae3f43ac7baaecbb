-- Attributes known for the same jobs from the same records share their donors;
-- the set is named by the first of its attributes.
with fingerprints as (
    select
        attribute_id,
        count(*) as donors,
        {{ set_fingerprint(["job_id", "source_record"]) }} as fingerprint,
    from {{ ref("int_known_values") }}
    where attribute_id in (
        select missing_cells.attribute_id
        from {{ ref("int_missing_cells") }} as missing_cells
    )
    group by attribute_id
),

donor_sets as (
    select
        attribute_id,
        min(attribute_id) over (partition by donors, fingerprint) as donor_set,
    from fingerprints
)

select * from donor_sets
