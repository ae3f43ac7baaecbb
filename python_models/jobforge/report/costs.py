"""What was sent and what it cost: sums of the rows of gold_imputation_usage.

A sum of costs has only what is known in it, and says beside it what is not: attempts without a
price, and attempts of which nobody knows the tokens.
"""

from __future__ import annotations

from typing import Any

from jobforge.report.tables import Gold

__all__ = ["USAGE", "costs"]

USAGE = "gold_imputation_usage"

_MOST_RUNS = 40
_MOST_PARTS = 100

_COLUMNS = (
    *("dbt_invocation_id", "model_requested", "domain", "first_sent_at", "calls", "attempts"),
    *("attempts_without_answer", "attempts_without_price", "attempts_without_usage"),
    *("prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd"),
    *("cells_answered", "cells_refused"),
)
_SUMS = """
        sum(cost_usd) as cost_usd,
        cast(sum(calls) as bigint) as calls,
        cast(sum(attempts) as bigint) as attempts,
        cast(sum(attempts_without_answer) as bigint) as attempts_without_answer,
        cast(sum(attempts_without_price) as bigint) as attempts_without_price,
        cast(sum(attempts_without_usage) as bigint) as attempts_without_usage,
        cast(sum(prompt_tokens) as bigint) as prompt_tokens,
        cast(sum(cached_tokens) as bigint) as cached_tokens,
        cast(sum(completion_tokens) as bigint) as completion_tokens,
        cast(sum(cells_answered) as bigint) as cells_answered,
        cast(sum(cells_refused) as bigint) as cells_refused,
"""
_ALL = f"""
    select
        count(distinct regexp_replace(dbt_invocation_id, '-backtest$', '')) as runs,
        count(distinct dbt_invocation_id) as bars,
        count(distinct (model_requested, domain)) as parts,
{_SUMS}
    from sent
"""
# A run's known cells that were asked again as a test are under its id with `-backtest` after it.
_RUNS = f"""
    select
        dbt_invocation_id,
        dbt_invocation_id like '%-backtest' as is_backtest,
        min(first_sent_at) as first_sent_at,
{_SUMS}
    from sent
    group by dbt_invocation_id
    order by first_sent_at desc, dbt_invocation_id
    limit ?
"""
_PARTS = f"""
    select
        model_requested,
        domain,
{_SUMS}
    from sent
    group by model_requested, domain
    order by cost_usd desc nulls last, model_requested, domain
    limit ?
"""


def costs(gold: Gold) -> dict[str, Any]:
    """Return what all runs, the latest runs, and each model and domain came to."""
    sent = f"with sent as (select {gold.columns(USAGE, _COLUMNS)} from {{table}}) "
    totals = gold.rows(USAGE, sent + _ALL)
    return {
        "totals": totals[0] if totals else None,
        "runs": gold.rows(USAGE, sent + _RUNS, [_MOST_RUNS]),
        "parts": gold.rows(USAGE, sent + _PARTS, [_MOST_PARTS]),
    }
