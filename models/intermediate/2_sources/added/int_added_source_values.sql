-- What sources of the organisation's own say: none as shipped. docs/add_a_source.md
-- shows what to put here.
select
    cast(null as {{ dbt.type_string() }}) as source_type,
    cast(null as {{ dbt.type_string() }}) as job_id,
    cast(null as {{ dbt.type_string() }}) as attribute_id,
    cast(null as {{ dbt.type_string() }}) as value,
    cast(null as double) as confidence,
    cast(null as {{ dbt.type_string() }}) as dataset,
    cast(null as {{ dbt.type_string() }}) as dataset_release,
    cast(null as {{ dbt.type_string() }}) as source_record,
where false
