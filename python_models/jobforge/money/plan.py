"""What a run would ask and what it would cost, with no call.

A request's estimate is shared evenly among the cells that it would ask for, so that the shares of
all cells add up to the calls, tokens and money of the whole. Only what would be asked is priced:
the caller leaves out the cells that the ledger can answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

from jobforge.money.calibration import Calibration
from jobforge.money.prices import FREE, ModelPrice, Usage, usd
from jobforge.requests.estimates import Estimate
from jobforge.settings import Settings

__all__ = ["CellPlan", "Planner", "RequestPlan"]


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


_tokens = attrgetter("tokens")


@dataclass(frozen=True, slots=True)
class _Limit:
    """A cap, what part of the plan a run sends within it, and what a request takes at its worst."""

    name: str
    unit: str
    cap: Decimal
    share: Decimal
    least: Decimal
    most: Decimal

    @property
    def largest(self) -> str:
        """What one request can take."""
        amount = f"{self.most:,.4f}" if self.unit == "USD" else f"{self.most:,}"
        return f"{amount} {self.unit} at its worst"

    def __str__(self) -> str:
        return f"{self.name} ({self.cap:,})"


class Planner:
    """Prices requests one after another and adds them up."""

    def __init__(
        self, model: str, price: ModelPrice | None, calibration: Calibration | None = None
    ) -> None:
        self.cells = self.calls = 0
        self.estimated = Usage()
        self.cost_usd: Decimal | None = None if price is None else Decimal(0)
        self.batch_cost_usd = Decimal(0)
        self._worst = self._least = self._most = Usage()
        self._model = model
        self._price = price
        self._calibration = calibration or Calibration()

    def plan(self, cells: int, plain: Estimate) -> RequestPlan:
        """Return what a request for so many cells would take, by its estimate; nothing is sent."""
        worst = Usage(plain.largest_prompt_tokens, plain.largest_completion_tokens)
        self._worst += worst
        # All replies of a run have one bound, so that more tokens cost more too.
        self._least = min(self._least, worst, key=_tokens) if self.calls else worst
        self._most = max(self._most, worst, key=_tokens)
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

    def summary(self, settings: Settings) -> list[str]:
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
            f"  time: {self._time(settings)}",
        ]
        return [*lines, f"  caps: {self._capped(settings)}"]

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
            why = price.source if price is FREE else f"{price.source} has it as free"
            return f"nothing: {why}"
        in_batches = ""
        if self.batch_cost_usd < self.cost_usd:
            in_batches = f", {usd(self.batch_cost_usd)} with llm_mode: batch"
        as_of = f", prices of {price.as_of}" if price.as_of else ""
        return f"{usd(self.cost_usd)}, {usd(self.cost_usd / self.cells)} a cell{in_batches}{as_of}"

    def _time(self, limits: Settings) -> str:
        times = [
            amount / limit
            for amount, limit in (
                (self.calls, limits.requests_per_minute),
                (self.estimated.tokens, limits.tokens_per_minute),
            )
            if limit is not None
        ]
        minutes = max(times, default=None)
        if minutes is None:
            return "set llm_requests_per_minute or llm_tokens_per_minute to have it estimated"
        return f"about {_duration(minutes)} at the given limits"

    def _capped(self, caps: Settings) -> str:
        live, batches = self._limits(caps), self._limits(caps, batch=True)
        reach, at_once = _reach(live), _reach(batches)
        parts = [
            f"requests that can take more than {limit} are not sent, one can take {limit.largest}"
            for limit in live
            if limit.least <= limit.cap < limit.most
        ]
        if nothing := _nothing(live):
            parts = [nothing]
        elif reach:
            parts.append(f"one run stops after {reach}")
        else:
            parts.append("the rest fits" if parts else "all of it fits")
        if at_once and at_once != reach and not _nothing(batches):
            parts.append(f"with llm_mode: batch one run sends at once {at_once}")
        return "; ".join(parts)

    def _limits(self, caps: Settings, *, batch: bool = False) -> list[_Limit]:
        """Return the caps that there are, and how far they reach as a budget counts.

        A live run sends one request more as long as its worst case fits beside what the others
        took. Of what a run puts into batches nothing is known but the worst case.
        """
        limits: list[_Limit] = []

        def add(
            name: str,
            unit: str,
            cap: Decimal | int | None,
            expected: Decimal | int,
            at_worst: Sequence[Decimal | int],
        ) -> None:
            if cap is not None:
                worst, least, most = map(Decimal, at_worst)
                room = cap - (worst - expected) / self.calls
                share = cap / worst if batch else max(room / expected, Decimal(0))
                limits.append(_Limit(name, unit, Decimal(cap), share, least, most))

        sizes = (self._worst, self._least, self._most)
        tokens = [size.tokens for size in sizes]
        add("llm_max_calls", "calls", caps.max_calls, self.calls, (self.calls, 1, 1))
        add("llm_max_tokens", "tokens", caps.max_tokens, self.estimated.tokens, tokens)
        if self._price is not None and self.cost_usd:
            costs = [self._price.highest_cost(size, batch=batch) for size in sizes]
            add("llm_max_cost_usd", "USD", caps.max_cost_usd, self.cost_usd, costs)
        return limits


def _reach(limits: list[_Limit]) -> str | None:
    """Return what part a run sends within all the limits, None where that is all of it."""
    limit = min(limits, key=lambda limit: limit.share, default=None)
    if limit is None or limit.share >= 1:
        return None
    return f"about {math.floor(limit.share * 100)}% of it, at {limit}"


def _nothing(limits: list[_Limit]) -> str | None:
    """Return that nothing fits, or None where something does."""
    limit = next((limit for limit in limits if limit.least > limit.cap), None)
    if limit is None:
        return None
    why = f": one request can take {limit.largest}" if limit.cap else ""
    return f"nothing can be sent, at {limit}{why}"


def _duration(minutes: float) -> str:
    if minutes < 1:
        return f"{math.ceil(minutes * 60)} s"
    if minutes < 120:
        return f"{math.ceil(minutes)} min"
    return f"{minutes / 60:.1f} h"
