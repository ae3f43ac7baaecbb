with source as (
    {{ input_rows("attribute_onet_elements") }}
),

renamed as (
    select
        attribute_id,
        element_id,
        upper(scale_id) as scale_id,
        lower(basis) as basis,
        reason,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
