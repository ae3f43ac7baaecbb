"""What a run has spent so far, by the ledger: what is left of its caps for whoever asks next.

An attempt whose usage nobody told counts at its worst, as it did when it was sent, and so does a
request that waits in one of the run's batches. What a run only collected, since an earlier one had
sent it, was that one's to pay.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from jobforge.money.budget import Spending
from jobforge.money.prices import ModelPrice, Usage
from jobforge.requests.estimates import largest_prompt

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["spent_by"]


def spent_by(
    ledger: Ledger,
    run_id: str,
    *,
    price_of: Callable[[str], ModelPrice | None],
    largest_reply: int,
) -> Spending:
    """Return the calls, tokens and US dollars that a run has taken of its caps.

    price_of: the price of a model, None where it has none and its cost counts nothing.
    largest_reply: the most tokens that a reply of the run may have had.
    """
    total = Spending(cost_usd=Decimal(0))

    def worst(estimated_prompt_tokens: int | None) -> Usage:
        return Usage(largest_prompt(estimated_prompt_tokens or 0), largest_reply)

    def add(usage: Usage, cost: Decimal) -> None:
        nonlocal total
        spent = (total.cost_usd or Decimal(0)) + cost
        total = Spending(total.calls + 1, total.usage + usage, spent)

    def worst_cost(model: str, usage: Usage, *, batch: bool) -> Decimal:
        price = price_of(model)
        return Decimal(0) if price is None else price.highest_cost(usage, batch=batch)

    begun = ledger.batches_of(run_id)
    for page in ledger.attempts(run_id):
        for row in page.to_pylist():
            batch = row["mode"] == "batch"
            if batch and row["attempt_id"].partition(":")[0] not in begun:
                continue
            prompt, completion = row["prompt_tokens"], row["completion_tokens"]
            if prompt is None or completion is None:
                usage = worst(row["estimated_prompt_tokens"])
                add(usage, worst_cost(row["model_requested"], usage, batch=batch))
            elif row["cost_usd"] is None:
                usage = Usage(prompt, completion)
                add(usage, worst_cost(row["model_requested"], usage, batch=batch))
            else:
                add(Usage(prompt, completion), Decimal(str(row["cost_usd"])))
    for waiting in ledger.open_batches():
        if waiting.run_id == run_id:
            for item in ledger.batch_items(waiting.local_id):
                usage = worst(item.request.estimated_prompt_tokens)
                add(usage, worst_cost(item.request.model, usage, batch=True))
    return total
