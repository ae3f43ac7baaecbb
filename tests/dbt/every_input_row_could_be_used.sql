-- Warns of input rows in error: the run goes on without them, and each says in
-- int_quarantined_rows which file, row and column to mend.
{{ config(severity="warn") }}

select * from {{ ref("int_quarantined_rows") }}
where is_error
