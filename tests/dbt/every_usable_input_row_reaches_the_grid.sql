-- Guards that no job or attribute is dropped in silence: each row of the input
-- is used or stands in quarantine with its reason.
with accounted as (
    select
        'jobs' as input,
        (select count(*) from {{ ref("stg_jobs") }}) as input_rows,
        (select count(*) from {{ ref("int_jobs") }}) as used_rows,
        (
            select count(*) from {{ ref("int_quarantined_rows") }}
            where input = 'jobs' and not is_used_in_part
        ) as quarantined_rows,
    union all
    select
        'attributes' as input,
        (select count(*) from {{ ref("stg_attributes") }}) as input_rows,
        (select count(*) from {{ ref("int_attributes") }}) as used_rows,
        (
            select count(*) from {{ ref("int_quarantined_rows") }}
            where input = 'attributes' and not is_used_in_part
        ) as quarantined_rows,
)

select * from accounted
where input_rows is distinct from used_rows + quarantined_rows
