"""What tokens cost, and which price a model has."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from jobforge.errors import SettingsError
from jobforge.money.prices import FREE, ModelPrice, PriceTable, Usage, resolve_price
from jobforge.settings import Settings

SEED = Path(__file__).resolve().parents[2] / "seeds/reference/model_prices.csv"


def seed_rows() -> pa.Table:
    with SEED.open(encoding="utf-8", newline="") as file:
        return pa.Table.from_pylist(list(csv.DictReader(file)))


def table(llm_prices: Any = None) -> PriceTable:
    return PriceTable(seed_rows(), Settings(prices=llm_prices).prices)


def price(model: str = "gpt-4o-2024-08-06", **own: Any) -> ModelPrice:
    found = table({model: own} if own else None).price_of(model)
    assert found is not None
    return found


def resolve(model: str, **changed: Any) -> ModelPrice | None:
    usual = {"is_local": False, "waiver": False, "cost_is_capped": True}
    return resolve_price(table(), model, **{**usual, **changed})


def test_input_cached_input_and_output_each_have_their_price() -> None:
    """A million of each costs what the price list says, to the last digit."""
    million = 1_000_000
    assert price().cost(Usage(million, 0)) == Decimal("2.50")
    assert price().cost(Usage(million, 0, cached_tokens=million)) == Decimal("1.25")
    assert price().cost(Usage(0, million)) == Decimal("10.00")
    assert price().cost(Usage(3, 7, 1)) == Decimal("0.00007625")


def test_what_is_written_into_the_cache_has_a_price_of_its_own() -> None:
    """Above plain input for GPT-6, the input's where none is given, never more than the prompt."""
    luna = price("gpt-6-luna")
    million = 1_000_000
    assert luna.cost(Usage(million, 0, 0, million)) == Decimal("0.125")
    assert luna.cost(Usage(million, 0, 600_000, million)) == Decimal("0.006") + Decimal("0.05")
    assert price().cost(Usage(million, 0, 0, million)) == Decimal("2.50")
    own = price("own", input=1, cache_write="1.5", output=2)
    assert own.cost(Usage(million, 0, 0, million)) == Decimal("1.5")


def test_a_batch_costs_half() -> None:
    """The Batch API's discount is taken off all of it."""
    assert price().cost(Usage(2000, 300), batch=True) * 2 == price().cost(Usage(2000, 300))


def test_no_cache_makes_a_request_dearer_than_its_highest_cost() -> None:
    """The bound holds for each number of cached tokens, a model with a dear cache included."""
    dear_reads = price("own", input=1, cached_input=3, output=2)
    dear_writes = price("own", input=1, cached_input="0.1", cache_write=4, output=2)
    for one in (price(), dear_reads, dear_writes, price("gpt-6-sol")):
        bound = one.highest_cost(Usage(1000, 50))
        for cached in range(0, 1001, 100):
            for written in range(0, 1001, 100):
                assert one.cost(Usage(1000, 50, cached, written)) <= bound


def test_more_cached_tokens_than_prompt_tokens_count_as_the_whole_prompt() -> None:
    """A server that counts wrongly makes no cost negative."""
    assert price().cost(Usage(100, 0, 500)) == price().cost(Usage(100, 0, 100))


def test_a_snapshot_has_its_own_price_and_never_its_familys() -> None:
    """One snapshot costs twice its family; one that is not listed has no price at all."""
    family, dear = price("gpt-4o"), price("gpt-4o-2024-05-13")
    assert dear.input == 2 * family.input
    assert dear.cached_input == dear.input
    assert table().price_of("gpt-4o-2099-01-01") is None
    assert table().price_of("gpt-4") is None


def test_the_default_model_has_a_price() -> None:
    """A run with nothing but a key is capped in money."""
    assert price().as_of == date(2026, 3, 1)


def test_the_users_own_price_wins_and_may_come_as_json() -> None:
    """`llm_prices` overrides the seed; what it leaves out has the plain meaning."""
    own = {"gpt-4o": {"input": 1, "output": 2}}
    for given in (own, '{"gpt-4o": {"input": 1, "output": 2}}'):
        found = table(given).price_of("gpt-4o")
        assert found is not None
        assert (found.input, found.cached_input, found.output) == (1, 1, 2)
        assert found.batch_discount == Decimal("0.5")
    assert table("none").price_of("gpt-4o") == table().price_of("gpt-4o")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{", "llm_prices cannot be read"),
        ([1], "llm_prices must be a mapping"),
        ({"m": {"input": 1}}, "must give input and output"),
        ({"m": {"input": 1, "output": 2, "cached": 3}}, "has cached"),
        ({"m": {"input": "much", "output": 2}}, "not a number"),
        ({"m": {"input": -1, "output": 2}}, "not a price"),
        ({"m": {"input": "NaN", "output": 2}}, "not a price"),
        ({"m": {"input": 1, "output": 2, "batch_discount": 1}}, "batch_discount"),
    ],
)
def test_a_price_that_is_none_stops_the_run_and_says_which(given: Any, says: str) -> None:
    """A typing error in a price is found before any call."""
    with pytest.raises(SettingsError, match=says):
        table(given)


def test_an_unknown_model_needs_a_price_or_a_waiver() -> None:
    """A cap in money cannot hold without a price; the error names both ways out."""
    with pytest.raises(SettingsError, match=r"llm_prices.*llm_price_waiver: true"):
        resolve("no-such-model")
    assert resolve("no-such-model", waiver=True) is None
    assert resolve("no-such-model", cost_is_capped=False) is None
    assert resolve("gpt-4o", waiver=True) == price("gpt-4o")


def test_only_a_server_on_this_machine_is_free() -> None:
    """A local model costs nothing, and says why."""
    assert resolve("my-own-model", is_local=True) is FREE
    assert FREE.cost(Usage(10**9, 10**9)) == 0
    assert "this machine" in FREE.source


def test_every_price_of_the_seed_has_a_day_and_a_source() -> None:
    """No price is there on hearsay, and none is dated in the future of its list."""
    for row in seed_rows().to_pylist():
        assert date.fromisoformat(row["as_of"]) >= date(2024, 1, 1), row["model"]
        assert row["source"], row["model"]
        assert Decimal(row["batch_discount"]) == Decimal("0.5")
