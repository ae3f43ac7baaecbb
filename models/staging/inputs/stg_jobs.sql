with source as (
    {{ input_rows("jobs") }}
),

renamed as (
    select
        job_id,
        job_title,
        job_family,
        job_function,
        {{ noc_code("unit_group", 5) }} as unit_group,
        unit_group as unit_group_text,
        {{ to_number("weight") }} as weight,
        weight as weight_text,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
