with source as (
    {{ input_rows("onet_ratings") }}
),

renamed as (
    select
        {{ onet_soc_code("onet_soc_code") }} as onet_soc_code,
        element_id,
        element_name,
        upper(scale_id) as scale_id,
        data_value,
        {{ to_number("data_value") }} as rating,
        coalesce(nullif(upper(recommend_suppress), 'N/A'), 'N') as recommend_suppress,
        coalesce(nullif(upper(not_relevant), 'N/A'), 'N') as not_relevant,
        dataset,
        dataset_release,
        source_file,
        source_row,
        record_problem,
        invisible_characters,
    from source
)

select * from renamed
