"""What tokens cost, as exact decimals of a US dollar.

Prices are data: the seed `model_prices`, each with its date and source, and the user's own in
`llm_prices`, which win. A model is looked up by its exact name and by nothing else, because a dated
snapshot can cost twice what its family costs. A model without a price has an unknown cost, never a
cost of zero; only a server on this machine is free.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from jobforge.errors import SettingsError

__all__ = ["FREE", "ModelPrice", "PriceTable", "Usage", "resolve_price", "usd"]

_MILLION = Decimal(1_000_000)
_HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one or several requests: counted, estimated, or a bound.

    Completion tokens hold a reasoning model's hidden ones; cached tokens are part of the prompt's.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """A model's prices in USD for a million tokens; `batch_discount` 0.5 takes half off."""

    model: str
    input: Decimal
    cached_input: Decimal
    output: Decimal
    batch_discount: Decimal = Decimal(0)
    as_of: date | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("input", "cached_input", "output"):
            price = getattr(self, name)
            if not price.is_finite() or price < 0:
                raise SettingsError(f"price of {self.model}: {name} is {price}, not a price")
        if not self.batch_discount.is_finite() or not 0 <= self.batch_discount < 1:
            raise SettingsError(f"price of {self.model}: batch_discount must be from 0 to below 1")

    def cost(self, usage: Usage, *, batch: bool = False) -> Decimal:
        """Return what the tokens cost in USD, exactly."""
        cached = min(max(usage.cached_tokens, 0), usage.prompt_tokens)
        cost = (
            (usage.prompt_tokens - cached) * self.input
            + cached * self.cached_input
            + usage.completion_tokens * self.output
        ) / _MILLION
        return cost * (1 - self.batch_discount) if batch else cost

    def highest_cost(self, usage: Usage, *, batch: bool = False) -> Decimal:
        """Return the most that so many tokens can cost, whatever the cache does."""
        dearest = max(self.input, self.cached_input)
        cost = (usage.prompt_tokens * dearest + usage.completion_tokens * self.output) / _MILLION
        return cost * (1 - self.batch_discount) if batch else cost


FREE = ModelPrice("", Decimal(0), Decimal(0), Decimal(0), source="a server on this machine")


class PriceTable:
    """Prices by the exact name of the model."""

    def __init__(self, prices: Iterable[ModelPrice]) -> None:
        self._prices = {price.model: price for price in prices}

    @classmethod
    def from_rows(
        cls, rows: pa.Table, llm_prices: Mapping[str, Any] | str | None = None
    ) -> PriceTable:
        """Return the seed's prices, and the user's own in their place.

        `llm_prices` is `{model: {input, cached_input, output, batch_discount}}`, in USD for a
        million tokens, also as JSON; `cached_input` and `batch_discount` may be left out. Raises
        SettingsError for a price that is none.
        """
        own = _own_prices(llm_prices)
        return cls([*(_seed_price(row) for row in rows.to_pylist()), *own])

    def price_of(self, model: str) -> ModelPrice | None:
        """Return the price of exactly this model, or None where there is none."""
        return self._prices.get(model)


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
    whole = _decimal(model, "input", row["input_usd_per_million"])
    cached = row["cached_input_usd_per_million"]
    return ModelPrice(
        model=model,
        input=whole,
        cached_input=whole if cached in (None, "") else _decimal(model, "cached_input", cached),
        output=_decimal(model, "output", row["output_usd_per_million"]),
        batch_discount=_decimal(model, "batch_discount", row["batch_discount"] or 0),
        as_of=date.fromisoformat(as_of) if isinstance(as_of, str) else as_of,
        source=row["source"] or "",
    )


_OWN = ("input", "cached_input", "output", "batch_discount")


def _own_prices(given: Mapping[str, Any] | str | None) -> list[ModelPrice]:
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip().lower() not in ("", "none") else None
        except ValueError:
            raise SettingsError(
                "llm_prices cannot be read: it must be a mapping by model"
            ) from None
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise SettingsError("llm_prices must be a mapping {model: {input: …, output: …}}")
    return [_own_price(str(model), prices) for model, prices in given.items()]


def usd(amount: Decimal) -> str:
    """Return an amount for people: cents from a cent upwards, else two digits that count."""
    if not amount or amount >= Decimal("0.01"):
        return f"{amount:,.2f} USD"
    places = 1 - amount.adjusted()
    return f"{amount:.{places}f} USD"


def _own_price(model: str, prices: object) -> ModelPrice:
    if not isinstance(prices, Mapping) or "input" not in prices or "output" not in prices:
        raise SettingsError(f"llm_prices of {model!r} must give input and output")
    unknown = [str(name) for name in prices if name not in _OWN]
    if unknown:
        raise SettingsError(
            f"llm_prices of {model!r} has {', '.join(unknown)}; it may have {', '.join(_OWN)}"
        )
    numbers = {name: _decimal(model, name, prices[name]) for name in _OWN if name in prices}
    return ModelPrice(
        model=model,
        input=numbers["input"],
        cached_input=numbers.get("cached_input", numbers["input"]),
        output=numbers["output"],
        batch_discount=numbers.get("batch_discount", _HALF),
        source="llm_prices",
    )


def _decimal(model: str, name: str, value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise SettingsError(f"price of {model!r}: {name} is {value!r}, not a number") from None
