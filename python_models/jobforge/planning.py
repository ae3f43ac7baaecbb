"""What a run would ask and what it would cost, with no call.

A request's estimate is shared evenly among the cells that it would ask for, so that the shares of
all cells add up to the calls, tokens and money of the whole. Only what would be asked is priced:
the caller leaves out the cells that the ledger can answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from jobforge.budget import Caps
from jobforge.errors import SettingsError
from jobforge.estimates import Calibration
from jobforge.executor import PackForms
from jobforge.inputs import ImputationRequest
from jobforge.prices import ModelPrice, Usage, usd

__all__ = ["CellPlan", "Planner", "RateLimits", "RequestPlan"]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the provider allows, or the user wants, in a minute; None is not known."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise SettingsError(f"llm_{name} is {limit}: it must be 1 or more")

    def minutes(self, calls: int, tokens: int) -> float | None:
        """Return how long so much takes at the limits, or None where none is known."""
        times = [
            amount / limit
            for amount, limit in (
                (calls, self.requests_per_minute),
                (tokens, self.tokens_per_minute),
            )
            if limit is not None
        ]
        return max(times) if times else None


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell's share of its request; the names are those of the outcome's columns."""

    estimated_calls: float
    estimated_input_tokens: float
    estimated_output_tokens: float
    estimated_cost_usd: float | None


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """What one request would take; cost is None where the model has no price."""

    cells: int
    estimated: Usage
    cost_usd: Decimal | None

    def share(self) -> CellPlan:
        """Return the share of each cell of the request."""
        return CellPlan(
            estimated_calls=1 / self.cells,
            estimated_input_tokens=self.estimated.prompt_tokens / self.cells,
            estimated_output_tokens=self.estimated.completion_tokens / self.cells,
            estimated_cost_usd=None if self.cost_usd is None else float(self.cost_usd / self.cells),
        )


class Planner:
    """Prices requests one after another and adds them up."""

    def __init__(
        self, model: str, price: ModelPrice | None, calibration: Calibration | None = None
    ) -> None:
        self.cells = self.calls = 0
        self.estimated = Usage()
        self.cost_usd: Decimal | None = None if price is None else Decimal(0)
        self.batch_cost_usd = Decimal(0)
        self._model = model
        self._price = price
        self._calibration = calibration or Calibration()

    def plan(self, request: ImputationRequest, forms: PackForms) -> RequestPlan | None:
        """Return what asking for the request's attributes would take, None where it has none.

        forms: those of its pack. Nothing is sent.
        """
        cells = len(request.attribute_ids)
        if not cells:
            return None
        plain = forms.form(request).estimate
        estimated = self._calibration.correct(Usage(plain.prompt_tokens, plain.completion_tokens))
        cost = None
        if self._price is not None:
            cost = self._price.cost(estimated)
            self.cost_usd = (self.cost_usd or Decimal(0)) + cost
            self.batch_cost_usd += self._price.cost(estimated, batch=True)
        self.cells += cells
        self.calls += 1
        self.estimated += estimated
        return RequestPlan(cells, estimated, cost)

    @property
    def nothing(self) -> CellPlan:
        """The share of a cell that waits in a batch: it was asked before."""
        return CellPlan(0.0, 0.0, 0.0, None if self._price is None else 0.0)

    def summary(self, caps: Caps, limits: RateLimits) -> list[str]:
        """Return the plan in a few lines: cells, calls, tokens, price, time, and the caps."""
        if not self.calls:
            return ["LLM plan: nothing is to be asked"]
        tokens = self.estimated
        lines = [
            f"LLM plan: {self.cells:,} cells in {self.calls:,} calls to {self._model}; no call"
            " was made",
            f"  tokens: {tokens.prompt_tokens:,} in, {tokens.completion_tokens:,} out,"
            f" {tokens.tokens / self.cells:,.0f} a cell ({self._basis()})",
            f"  price: {self._priced()}",
            f"  time: {self._time(limits)}",
        ]
        return lines + self._capped(caps)

    def _basis(self) -> str:
        calibration = self._calibration
        if not calibration.calls:
            return "by measured bytes per token; no earlier call to correct it by"
        return (
            f"corrected by {calibration.calls:,} earlier calls: {calibration.prompt:.2f} times in,"
            f" {calibration.completion:.2f} times out"
        )

    def _priced(self) -> str:
        price = self._price
        if price is None or self.cost_usd is None:
            return "not known, for the model has no price (llm_prices)"
        if not self.cost_usd and price.source:
            return f"nothing: {price.source}"
        in_batches = ""
        if self.batch_cost_usd < self.cost_usd:
            in_batches = f", {usd(self.batch_cost_usd)} with llm_mode: batch"
        as_of = f", prices of {price.as_of}" if price.as_of else ""
        return f"{usd(self.cost_usd)}, {usd(self.cost_usd / self.cells)} a cell{in_batches}{as_of}"

    def _time(self, limits: RateLimits) -> str:
        minutes = limits.minutes(self.calls, self.estimated.tokens)
        if minutes is None:
            return "set llm_requests_per_minute or llm_tokens_per_minute to have it estimated"
        return f"about {_duration(minutes)} at the given limits"

    def _capped(self, caps: Caps) -> list[str]:
        tokens = self.estimated.tokens
        over: list[tuple[str, float]] = []
        if caps.max_calls is not None and caps.max_calls < self.calls:
            over.append((f"llm_max_calls ({caps.max_calls:,})", caps.max_calls / self.calls))
        if caps.max_tokens is not None and caps.max_tokens < tokens:
            over.append((f"llm_max_tokens ({caps.max_tokens:,})", caps.max_tokens / tokens))
        if caps.max_cost_usd is not None and self.cost_usd and caps.max_cost_usd < self.cost_usd:
            share = float(caps.max_cost_usd / self.cost_usd)
            over.append((f"llm_max_cost_usd ({caps.max_cost_usd})", share))
        if not over:
            return ["  caps: all of it fits"]
        name, share = min(over, key=lambda cap: cap[1])
        return [f"  caps: one run stops after about {share:.0%} of it, at {name}"]


def _duration(minutes: float) -> str:
    if minutes < 1:
        return f"{math.ceil(minutes * 60)} s"
    if minutes < 120:
        return f"{math.ceil(minutes)} min"
    return f"{minutes / 60:.1f} h"
