"""What tokens cost, as exact decimals of a US dollar.

Prices are data: the seed `model_prices`, each with its date and source, and the user's own in
`llm_prices`, which win. A model is looked up by its exact name and by nothing else, because a dated
snapshot can cost twice what its family costs. A model without a price has an unknown cost, never a
cost of zero; only a server on this machine is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from jobforge.errors import SettingsError
from jobforge.settings import Price, decimal_of

__all__ = ["FREE", "ModelPrice", "PriceTable", "Usage", "resolve_price", "usd"]

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one or several requests: counted, estimated, or a bound.

    Completion tokens hold a reasoning model's hidden ones, which `reasoning_tokens` are; cached
    tokens, and those written into the cache, are part of the prompt's.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class ModelPrice(Price):
    """A model's prices, and what tokens cost at them."""

    def cost(self, usage: Usage, *, batch: bool = False) -> Decimal:
        """Return what the tokens cost in USD, exactly."""
        cached = min(max(usage.cached_tokens, 0), usage.prompt_tokens)
        written = min(max(usage.cache_write_tokens, 0), usage.prompt_tokens - cached)
        cost = (
            (usage.prompt_tokens - cached - written) * self.input
            + cached * self.cached_input
            + written * self._cache_write
            + usage.completion_tokens * self.output
        ) / _MILLION
        return cost * (1 - self.batch_discount) if batch else cost

    def highest_cost(self, usage: Usage, *, batch: bool = False) -> Decimal:
        """Return the most that so many tokens can cost, whatever the cache does."""
        dearest = max(self.input, self.cached_input, self._cache_write)
        cost = (usage.prompt_tokens * dearest + usage.completion_tokens * self.output) / _MILLION
        return cost * (1 - self.batch_discount) if batch else cost

    @property
    def _cache_write(self) -> Decimal:
        return self.input if self.cache_write is None else self.cache_write


FREE = ModelPrice("", Decimal(0), Decimal(0), Decimal(0), source="a server on this machine")


class PriceTable:
    """Prices by the exact name of the model: the user's own, else the seed's, read when asked for.

    Raises SettingsError for a price of the seed that is none.
    """

    def __init__(self, rows: pa.Table, own: Mapping[str, Price] | None = None) -> None:
        self._rows = {str(row["model"]): row for row in rows.to_pylist()}
        self._own = own or {}

    def price_of(self, model: str) -> ModelPrice | None:
        """Return the price of exactly this model, or None where there is none."""
        if model in self._own:
            return ModelPrice(**asdict(self._own[model]))
        row = self._rows.get(model)
        return None if row is None else _seed_price(row)


def resolve_price(
    table: PriceTable, model: str, *, is_local: bool, waiver: bool, cost_is_capped: bool
) -> ModelPrice | None:
    """Return the price to count with; None where the user waived it and cost stays unknown.

    A server on this machine is free unless the table says otherwise. Raises SettingsError where a
    cap in money could not hold: the model has no price and no waiver was given.
    """
    price = table.price_of(model)
    if price is not None:
        return price
    if is_local:
        return FREE
    if waiver or not cost_is_capped:
        return None
    raise SettingsError(
        f"the model {model!r} has no price, so llm_max_cost_usd cannot hold: give its price in"
        f" llm_prices, such as {{{model}: {{input: 2.50, cached_input: 1.25, output: 10.00}}}} (USD"
        " for a million tokens), or set llm_price_waiver: true to cap only calls and tokens"
    )


def _seed_price(row: Mapping[str, Any]) -> ModelPrice:
    model = str(row["model"])
    as_of = row["as_of"]
    whole = decimal_of(model, "input", row["input_usd_per_million"])
    cached = row["cached_input_usd_per_million"]
    return ModelPrice(
        model=model,
        input=whole,
        cached_input=whole if cached in (None, "") else decimal_of(model, "cached_input", cached),
        output=decimal_of(model, "output", row["output_usd_per_million"]),
        batch_discount=decimal_of(model, "batch_discount", row["batch_discount"] or 0),
        as_of=date.fromisoformat(as_of) if isinstance(as_of, str) else as_of,
        source=row["source"] or "",
        cache_write=_or_none(model, "cache_write", row.get("cache_write_usd_per_million")),
    )


def _or_none(model: str, name: str, price: object) -> Decimal | None:
    return None if price in (None, "") else decimal_of(model, name, price)


def usd(amount: Decimal) -> str:
    """Return an amount for people: cents from a cent upwards, else two digits that count."""
    if not amount or amount >= Decimal("0.01"):
        return f"{amount:,.2f} USD"
    places = 1 - amount.adjusted()
    return f"{amount:.{places}f} USD"
