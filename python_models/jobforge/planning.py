"""What a run would ask and what it would cost, with no call.

A request's estimate is shared evenly among the cells that it would ask for, so that the shares of
all cells add up to the calls, tokens and money of the whole. Only what would be asked is priced:
the caller leaves out the cells that the ledger can answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from jobforge.budget import Caps
from jobforge.errors import SettingsError
from jobforge.estimates import Calibration, RequestSize, estimate, worst_case
from jobforge.inputs import Attribute, ImputationRequest, Pack
from jobforge.prices import ModelPrice, Usage
from jobforge.prompts import job_message, pack_message
from jobforge.schema import response_format

__all__ = ["CellPlan", "Planner", "RateLimits", "RequestPlan", "request_size", "usd"]


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
        self,
        model: str,
        price: ModelPrice | None,
        *,
        max_output_tokens: int,
        calibration: Calibration | None = None,
        text_bounds: bool = False,
    ) -> None:
        self.cells = self.calls = 0
        self.estimated = Usage()
        self.cost_usd: Decimal | None = None if price is None else Decimal(0)
        self.batch_cost_usd = Decimal(0)
        self.highest_request_cost = Decimal(0)
        self._model = model
        self._price = price
        self._max_output_tokens = max_output_tokens
        self._calibration = calibration or Calibration()
        self._text_bounds = text_bounds

    def plan(
        self, request: ImputationRequest, pack: Pack, attribute_ids: Sequence[str]
    ) -> RequestPlan | None:
        """Return what asking for these attributes of the request would take.

        None where there is nothing to ask. Nothing is sent.
        """
        if not attribute_ids:
            return None
        attributes = tuple(pack.attribute(attribute_id) for attribute_id in attribute_ids)
        size = request_size(request, pack, attributes, text_bounds=self._text_bounds)
        estimated = self._calibration.correct(estimate(size, attributes))
        planned = RequestPlan(len(attributes), estimated, None)
        if self._price is not None:
            cost = self._price.cost(estimated)
            planned = RequestPlan(len(attributes), estimated, cost)
            bound = worst_case(size, self._max_output_tokens)
            highest = self._price.highest_cost(bound.usage)
            self.highest_request_cost = max(self.highest_request_cost, highest)
            self.cost_usd = (self.cost_usd or Decimal(0)) + cost
            self.batch_cost_usd += self._price.cost(estimated, batch=True)
        self.cells += len(attributes)
        self.calls += 1
        self.estimated += estimated
        return planned

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


def request_size(
    request: ImputationRequest,
    pack: Pack,
    attributes: Sequence[Attribute],
    *,
    text_bounds: bool = False,
) -> RequestSize:
    """Return the size of the request for these attributes; what is the pack's is counted once."""
    ids = tuple(attribute.attribute_id for attribute in attributes)
    asked = replace(request, attribute_ids=ids)
    user = len(job_message(asked).encode("utf-8", "replace"))
    return RequestSize(_system_bytes(pack), user, _schema_bytes(tuple(attributes), text_bounds))


@lru_cache(maxsize=1024)
def _system_bytes(pack: Pack) -> int:
    return len(pack_message(pack).encode("utf-8", "replace"))


@lru_cache(maxsize=8192)
def _schema_bytes(attributes: tuple[Attribute, ...], text_bounds: bool) -> int:
    form = response_format(attributes, text_bounds=text_bounds)
    return len(json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode())


def usd(amount: Decimal) -> str:
    """Return an amount for people: cents from a cent upwards, else two digits that count."""
    if not amount or amount >= Decimal("0.01"):
        return f"{amount:,.2f} USD"
    places = 1 - amount.adjusted()
    return f"{amount:.{places}f} USD"


def _duration(minutes: float) -> str:
    if minutes < 1:
        return f"{math.ceil(minutes * 60)} s"
    if minutes < 120:
        return f"{math.ceil(minutes)} min"
    return f"{minutes / 60:.1f} h"
