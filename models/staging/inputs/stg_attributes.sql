with source as (
    {{ input_rows("attributes") }}
),

renamed as (
    select
        attribute_id,
        attribute_name,
        lower(domain) as domain,
        description,
        lower(value_type) as value_type,
        {{ to_number("scale_minimum") }} as scale_minimum,
        {{ to_number("scale_maximum") }} as scale_maximum,
        scale_minimum as scale_minimum_text,
        scale_maximum as scale_maximum_text,
        {{ text_list("allowed_values") }} as allowed_values,
        unit,
        {{ to_number("tolerance") }} as tolerance,
        tolerance as tolerance_text,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
