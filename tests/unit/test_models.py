"""Until when models answer, and what is said of it."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from jobforge.provider.models import ModelFacts, facts_of

SEED = Path(__file__).resolve().parents[2] / "seeds/reference/model_prices.csv"
END = date(2027, 1, 14)
FACTS = ModelFacts("old", END, "new", date(2026, 10, 28))


def seed() -> list[dict[str, str]]:
    with SEED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (91, None),
        (90, "old will be shut down on 2027-01-14, in 90 days (read on 2026-10-28): set llm_model"),
        (1, "shut down on 2027-01-14, tomorrow (read on"),
        (0, "old was shut down on 2027-01-14 (read on 2026-10-28): set llm_model: new"),
        (-400, "old was shut down on"),
    ],
)
def test_an_end_is_said_from_ninety_days_before(days: int, words: str | None) -> None:
    """Nothing while it is far off, then a warning, and from the day on that it is over."""
    today = END - timedelta(days=days)
    said = FACTS.end(today)
    assert (said is None) if words is None else (said is not None and words in said)
    assert FACTS.is_shut_down(today) is (days <= 0)


def test_a_model_without_a_day_or_a_row_has_no_end() -> None:
    """Nothing is known of it, and nothing is said."""
    for model in ("gpt-6-luna", "a-model-of-ones-own"):
        facts = facts_of(seed(), model)
        assert facts.end(date(2099, 1, 1)) is None
        assert not facts.is_shut_down(date(2099, 1, 1))
    assert facts_of(seed(), "a-model-of-ones-own").reasoning_effort is None


def test_the_seed_knows_the_ends_that_were_announced() -> None:
    """OpenAI's deprecations page of October 2026: the default model among them."""
    default = facts_of(seed(), "gpt-4o-2024-08-06")
    assert (default.shutdown_date, default.successor) == (END, "gpt-6-luna")
    assert facts_of(seed(), "gpt-5-mini").shutdown_date == date(2026, 12, 11)
    assert facts_of(seed(), "gpt-6-sol").reasoning_effort == "none"


def test_every_day_has_the_day_on_which_it_was_read_and_every_successor_a_price() -> None:
    """A day without its reading is no fact, and a successor without a price stops the next run."""
    rows = seed()
    models = {row["model"] for row in rows}
    for row in rows:
        assert bool(row["shutdown_date"]) == bool(row["shutdown_as_of"]), row["model"]
        assert row["successor"] in models | {""}, row["model"]
        assert not row["successor"] or row["shutdown_date"], row["model"]
