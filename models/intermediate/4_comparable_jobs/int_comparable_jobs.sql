with asked_cells as (
    select * from {{ ref("int_asked_cells") }}
),

donor_sets as (
    select * from {{ ref("int_donor_sets") }}
),

chosen_donors as (
    select * from {{ ref("int_chosen_donors") }}
),

known_values as (
    select * from {{ ref("int_known_values") }}
),

comparable_jobs as (
    select
        asked_cells.job_number,
        asked_cells.attribute_number,
        chosen_donors.comparable_rank,
        chosen_donors.donor_number as comparable_job_number,
        chosen_donors.relation_rank,
        chosen_donors.similarity,
        known_values.precedence_rank,
        known_values.value_id,
    from asked_cells
    inner join donor_sets
        on asked_cells.attribute_number = donor_sets.attribute_number
    inner join chosen_donors
        on
            donor_sets.donor_set = chosen_donors.donor_set
            and asked_cells.job_number = chosen_donors.job_number
    inner join known_values
        on
            chosen_donors.donor_number = known_values.job_number
            and asked_cells.attribute_number = known_values.attribute_number
)

select * from comparable_jobs
