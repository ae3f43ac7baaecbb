-- Apart from int_backtest_estimates: where a tier ends is decided by what stands on that.
{{ config(materialized="view") }}

select * from {{ ref("int_backtest_estimates") }}
{%- if llm_tiers() %}
union all
select * from {{ ref("int_tier_estimates") }}
{%- endif %}
