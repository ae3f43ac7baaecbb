-- Whatever a source that is no model says of a cell, all sources alike.
{{ config(materialized="view") }}

select * from {{ ref("int_review_candidates") }}
union all
select * from {{ ref("int_authoritative_candidates") }}
union all
select * from {{ ref("int_onet_candidates") }}
union all
select * from {{ ref("int_added_candidates") }}
