with records as (
    select * from {{ ref("history_recorded") }}
),

{{ last_records("records") }}

select * from last_records
