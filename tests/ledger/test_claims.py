"""Cells are claimed before they are asked, by one run at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from jobforge.ledger import Ledger, claims, open_ledger
from support.waiting import HANG_SECONDS, Clock, until

from ledger.builders import LATER, MINUTE, NOON, asked, attempt, cell_keys, evidence_of

KEYS = cell_keys(asked(1), asked(2))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which other runs are watched, which stands still but for the test."""
    stopped = Clock(1e6)
    monkeypatch.setattr(claims, "_now", stopped)
    return stopped


def test_a_claimed_cell_is_nobody_elses(ledger: Ledger) -> None:
    """A second run gets only what the first did not claim."""
    assert ledger.claim(KEYS[:3], "run-1", MINUTE) == set(KEYS[:3])
    assert ledger.claim(KEYS, "run-2", MINUTE) == {KEYS[3]}


def test_claiming_again_is_still_ones_own(ledger: Ledger) -> None:
    """A run that claims its own cell again has it."""
    ledger.claim(KEYS, "run-1", MINUTE)
    assert ledger.claim(KEYS, "run-1", MINUTE) == set(KEYS)


def test_a_settled_cell_is_not_given(ledger: Ledger) -> None:
    """What was answered or refused is not claimed to be asked again."""
    ledger.record([attempt(asked(1)), attempt(asked(2), value=None)])
    assert ledger.claim(KEYS, "run-1", MINUTE) == set()
    assert ledger.stats().claims == 0


def test_a_refusal_is_given_when_the_user_says_so(ledger: Ledger) -> None:
    """Told to ask refusals again, the ledger gives them, and no answered cell."""
    ledger.record([attempt(asked(1)), attempt(asked(2), value=None)])
    assert ledger.claim(KEYS, "run-1", MINUTE, refused_before=NOON) == set()
    assert ledger.claim(KEYS, "run-1", MINUTE, refused_before=LATER) == set(KEYS[2:])


def test_a_stale_cell_is_given_once(ledger: Ledger) -> None:
    """With the present evidence a stale cell is claimed, but not after it was asked with it."""
    ledger.record([attempt(asked(1))])
    fresh = asked(1, evidence="second")
    now = evidence_of(fresh)
    assert ledger.claim(now, "run-1", MINUTE, evidence=now) == set(now)
    ledger.record([attempt(fresh, "again", minute=3)])
    assert ledger.claim(now, "run-2", MINUTE, evidence=now) == set()


def test_recording_an_answer_ends_its_claim(ledger: Ledger) -> None:
    """The claim of an answered cell ends with the answer; the others stay."""
    ledger.claim(KEYS, "run-1", MINUTE)
    ledger.record([attempt(asked(1))])
    assert ledger.stats().claims == 2
    assert ledger.claim(KEYS, "run-2", MINUTE) == set()


def test_a_claim_that_was_not_renewed_ends(ledger: Ledger, clock: Clock) -> None:
    """The claims of a run that shows no sign of life are anyone's, and it learns so."""
    ledger.claim(KEYS, "dead", MINUTE)
    assert ledger.claim(KEYS, "run-2", MINUTE) == set(), "it may have been alive until now"
    clock.now += 60
    assert ledger.claim(KEYS, "run-2", MINUTE) == set(KEYS)
    assert not ledger.renew("dead")
    assert ledger.stats().claims == len(KEYS)


def test_a_renewed_claim_stays(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that renews in time keeps its claims, whatever becomes of the clock of the day."""
    ledger.claim(KEYS, "run-1", MINUTE)
    for step in (70, 300, -7200, 86_400, -86_400):
        with monkeypatch.context() as patch:
            patch.setattr(type(ledger._database.dialect), "now", lambda *_, s=step: s * 10**6)  # type: ignore[attr-defined]
            assert ledger.claim(KEYS, "run-2", MINUTE) == set()
            clock.now += 45
            assert ledger.renew("run-1")
    assert ledger.claim(KEYS, "run-2", MINUTE) == set()


def test_released_cells_are_free(ledger: Ledger) -> None:
    """A run gives up some of its claims, or all, and nobody else's."""
    ledger.claim(KEYS[:3], "run-1", MINUTE)
    ledger.claim(KEYS[3:], "run-2", MINUTE)
    ledger.release("run-1", [KEYS[0], KEYS[3]])
    assert ledger.claim(KEYS, "run-3", MINUTE) == {KEYS[0]}
    ledger.release("run-1")
    assert ledger.claim(KEYS, "run-3", MINUTE) == set(KEYS[:3])


def test_many_cells_are_claimed_at_once(ledger: Ledger) -> None:
    """More cells than a statement takes are claimed in one transaction."""
    keys = [f"{number:064}" for number in range(2500)]
    assert ledger.claim(keys, "run-1", MINUTE) == set(keys)
    assert ledger.stats().claims == 2500


def test_a_run_that_ended_is_not_watched(ledger: Ledger) -> None:
    """What a run gave up at its end is free at once, and so is what no run answers for."""
    ledger.claim(KEYS, "run-1", MINUTE)
    ledger.release("run-1")
    assert not ledger.renew("run-1")
    assert ledger.claim(KEYS, "run-2", MINUTE) == set(KEYS)


def test_what_died_long_ago_is_given_at_the_first_look(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that looks once need not watch: the steady clock tells how long nobody was alive."""
    with open_ledger(url) as first:
        first.claim(KEYS, "dead", MINUTE)
    dialect = type(first._database.dialect)
    steady = dialect.steady
    for passed, given in ((59, set()), (61, set(KEYS))):
        monkeypatch.setattr(dialect, "steady", lambda *a, s=passed: steady(*a) + s * 10**6)
        with open_ledger(url) as newcomer:
            assert newcomer.claim(KEYS, "run-2", MINUTE) == given


def test_a_restart_of_the_machine_ends_the_runs_on_its_file(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steady clock began anew; a server's that was set back ends nothing by itself."""
    with open_ledger(url) as first:
        first.claim(KEYS, "run-1", MINUTE)
    dialect = type(first._database.dialect)
    steady = dialect.steady
    monkeypatch.setattr(dialect, "steady", lambda *a: steady(*a) - 7200 * 10**6)
    with open_ledger(url) as newcomer:
        given = newcomer.claim(KEYS, "run-2", MINUTE)
    assert given == (set(KEYS) if first._database.dialect.restarts else set())


def test_a_run_that_was_thought_dead_goes_on_with_what_nobody_took(
    ledger: Ledger, clock: Clock
) -> None:
    """It claims again, and gets none of what another run has by now."""
    ledger.claim(KEYS, "sleeper", MINUTE)
    ledger.claim(KEYS[:1], "run-2", MINUTE)
    clock.now += 60
    assert ledger.claim(KEYS[:1], "run-2", MINUTE) == set(KEYS[:1])
    assert ledger.claim(KEYS, "sleeper", MINUTE) == set(KEYS[1:])
    assert ledger.renew("sleeper")


def test_a_program_that_was_stopped_amid_its_statements_is_in_nobodys_way(
    new_postgres_url: str,
) -> None:
    """It holds locks and counts as active, since it has sent a part of what it had to send."""
    psycopg = pytest.importorskip("psycopg")
    with open_ledger(new_postgres_url) as one:
        one.claim(KEYS, "stopped", MINUTE)
    stopped = psycopg.connect(new_postgres_url, autocommit=True)
    stopped.pgconn.enter_pipeline_mode()
    for statement in (b"begin", b"update jobforge_ledger.claim set expires_at = 1"):
        stopped.pgconn.send_query_params(statement, None)
    stopped.pgconn.send_flush_request()
    until(lambda: stopped.pgconn.flush() == 0)
    with (
        psycopg.connect(new_postgres_url, autocommit=True) as looker,
        open_ledger(new_postgres_url, wait_seconds=0.2, patience_seconds=HANG_SECONDS) as other,
    ):
        held = "select 1 from pg_locks where relation = 'jobforge_ledger.claim'::regclass"
        until(lambda: looker.execute(held).fetchone())
        assert other.claim(KEYS[:1], "other", timedelta(0)) == set(KEYS[:1])
    stopped.close()
