"""What a run sends to models that reason, and what it does at a model's end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from jobforge.errors import SettingsError
from jobforge.ledger import open_ledger
from jobforge.provider.connection import Connection
from support.builders import IDS, jobs, prices_table
from support.loopback_server import LoopbackServer

from engine.runs import IN_TURN, Runs, outcomes


def runs_of(server: LoopbackServer, model: str, **settings: Any) -> Runs:
    runs = Runs(server)
    runs.settings = replace(IN_TURN, model=model, **settings)
    return runs


@pytest.mark.parametrize(
    ("model", "settings", "effort", "temperature"),
    [
        ("gpt-6-luna", {}, "none", None),
        ("gpt-6-luna", {"temperature": 0.0}, "none", 0.0),
        ("gpt-6-luna", {"reasoning_effort": "low", "temperature": 0.0}, "low", None),
        ("gpt-4.1-mini", {"temperature": 0.0}, None, 0.0),
        ("a-model-of-ones-own", {}, None, None),
        ("a-model-of-ones-own", {"reasoning_effort": "high"}, "high", None),
    ],
)
def test_effort_is_what_the_seed_or_the_user_says(
    live_server: LoopbackServer,
    model: str,
    settings: dict[str, Any],
    effort: str | None,
    temperature: float | None,
) -> None:
    """`none` for models that would think by themselves; where one thinks, no temperature."""
    runs = runs_of(live_server, model, **settings)
    assert outcomes(runs(*jobs(2))) == {"answered": 2 * len(IDS)}
    for asked in runs.asked:
        assert asked.body.get("reasoning_effort") == effort
        assert asked.body.get("temperature") == temperature
    # The seed's word and the user's own are one: nothing is paid twice.
    if effort is not None:
        runs(*jobs(2), settings={"reasoning_effort": effort})
        assert runs.asked == []


def test_another_effort_is_another_answer(live_server: LoopbackServer) -> None:
    """What a model said without thinking is no answer of it with."""
    runs = runs_of(live_server, "gpt-6-luna")
    runs(*jobs(2))
    runs(*jobs(2), settings={"reasoning_effort": "medium"})
    assert len(runs.asked) == 2


def test_tokens_of_reasoning_and_of_cache_writes_are_kept(live_server: LoopbackServer) -> None:
    """The ledger has both, and the price of what was written is the seed's."""
    live_server.usage_details = {
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    runs = runs_of(live_server, "gpt-6-luna")
    runs(*jobs(1))
    with open_ledger() as ledger:
        (row,) = ledger.attempts().read_all().to_pylist()
    assert (row["cache_write_tokens"], row["reasoning_tokens"]) == (7, 5)
    plain = (row["prompt_tokens"] - 7) * 0.10 + 7 * 0.125 + row["completion_tokens"] * 0.50
    assert row["cost_usd"] == pytest.approx(plain / 1e6)


def ending(days: int) -> pa.Table:
    """The seed, in which the model that is asked ends so many days from now."""
    rows = prices_table().to_pylist()
    day = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    mine = {**rows[0], "model": "asked-model", "shutdown_date": day, "successor": "the-next"}
    return pa.Table.from_pylist([*rows, mine | {"shutdown_as_of": "2026-10-28"}])


@pytest.fixture
def openais_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server on this machine is taken for OpenAI's."""
    monkeypatch.setattr(Connection, "is_openais_own", True)


@pytest.mark.usefixtures("openais_own")
@pytest.mark.parametrize("mode", ["live", "batch"])
def test_a_model_that_has_ended_is_not_asked(live_server: LoopbackServer, mode: str) -> None:
    """The run stops before its first call, and names the successor and the var."""
    runs = runs_of(live_server, "asked-model", mode=mode)
    with pytest.raises(SettingsError, match=r"asked-model was shut down.*llm_model: the-next"):
        runs(*jobs(2), prices=ending(-1))
    assert live_server.count == 0


@pytest.mark.usefixtures("openais_own")
@pytest.mark.parametrize("mode", ["live", "plan"])
def test_a_model_that_ends_soon_is_asked_with_a_warning(
    live_server: LoopbackServer, mode: str
) -> None:
    """Once a run, from 90 days before; not before that."""
    for days, times in ((30, 1), (200, 0)):
        warned: list[str] = []
        runs = runs_of(live_server, "asked-model", mode=mode)
        runs(*jobs(2), prices=ending(days), warn=warned.append)
        assert len([line for line in warned if "will be shut down" in line]) == times


def test_another_server_is_not_held_to_openais_days(live_server: LoopbackServer) -> None:
    """A server of one's own may call its model what it likes."""
    warned: list[str] = []
    runs = runs_of(live_server, "asked-model")
    rows = runs(*jobs(2), prices=ending(-1), warn=warned.append)
    assert outcomes(rows) == {"answered": 2 * len(IDS)}
    assert warned == []
