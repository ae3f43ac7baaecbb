"""What the var llm_tiers may be, and what tiers need."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jobforge.errors import SettingsError
from jobforge.evaluation.tiers import Tiers, tiers_of
from jobforge.evaluation.twins import ways_of
from jobforge.settings import Settings

TIERS = [{"model": "cheap"}, {"model": " dear ", "below": 0.7}]


@pytest.mark.parametrize("given", [TIERS, json.dumps(TIERS)])
def test_tiers_are_two_models_and_a_bound(given: object) -> None:
    """As a list, and as the JSON that dbt hands on."""
    tiers = tiers_of(given)
    assert tiers == Tiers("cheap", "dear", 0.7)
    assert tiers is not None
    assert tiers.models == ["cheap", "dear"]


@pytest.mark.parametrize("given", [None, [], "", "[]", "null"])
def test_nothing_is_no_tiers(given: object) -> None:
    """The default, however it is written."""
    assert tiers_of(given) is None


def second(**entry: Any) -> list[dict[str, Any]]:
    return [{"model": "cheap"}, entry]


@pytest.mark.parametrize(
    "given",
    [
        "cheap",
        "{",
        3,
        {"model": "cheap", "below": 0.7},
        ["cheap", "dear"],
        TIERS[:1],
        [*TIERS, {"model": "dearest", "below": 0.5}],
        [TIERS[1], TIERS[1]],
        [{"model": "cheap", "below": 0.7}, {"model": "dear", "below": 0.7}],
        second(model="dear"),
        second(below=0.7),
        second(model="", below=0.7),
        second(model=3, below=0.7),
        second(model="cheap", below=0.7),
        second(model="dear", below=0),
        second(model="dear", below=1.01),
        second(model="dear", below=float("nan")),
        second(model="dear", below="0.7"),
        second(model="dear", below=True),
        second(model="dear", below=0.7, rationale="none"),
    ],
)
def test_anything_else_is_refused(given: object) -> None:
    """With what it must be."""
    with pytest.raises(SettingsError, match=r"llm_tiers is .*: it must be a list of two different"):
        tiers_of(given)


@pytest.mark.parametrize("cells", [0, "0", ""])
def test_tiers_need_a_backtest(cells: object) -> None:
    """Without one nobody knows where the first model is not to be trusted."""
    tiers = Tiers("cheap", "dear", 0.7)
    with pytest.raises(SettingsError, match=r"set backtest_cells .* and backtest_max_cost_usd"):
        tiers.check_backtest(cells)
    tiers.check_backtest("40")


def test_twins_are_asked_of_both_models_where_none_is_named() -> None:
    """The var backtest_models goes before that."""
    usual = ["cheap", "dear"]
    settings = Settings(model="cheap")
    assert [way.model for way in ways_of([], settings, usual)] == usual
    assert [way.model for way in ways_of('["other"]', settings, usual)] == ["other"]
