"""Cells are claimed before they are asked, by one run at a time."""

from __future__ import annotations

import time
from datetime import timedelta

from jobforge.ledger import Ledger

from ledger.builders import LATER, MINUTE, NOON, asked, attempt, cell_keys, evidence_of

KEYS = cell_keys(asked(1), asked(2))
SOON = timedelta(milliseconds=50)


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


def test_a_claim_that_was_not_renewed_ends(ledger: Ledger) -> None:
    """The claims of a run that died are anyone's after their time."""
    ledger.claim(KEYS, "dead", SOON)
    time.sleep(0.1)
    assert ledger.claim(KEYS, "run-2", MINUTE) == set(KEYS)
    assert ledger.renew("dead", MINUTE) == 0


def test_a_renewed_claim_stays(ledger: Ledger) -> None:
    """A run that renews in time keeps its claims."""
    ledger.claim(KEYS, "run-1", SOON)
    assert ledger.renew("run-1", MINUTE) == 4
    time.sleep(0.1)
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


def test_a_claim_of_a_clock_that_was_wrong_is_anyones(ledger: Ledger) -> None:
    """A claim that would last for days was never meant to."""
    ledger.claim(KEYS, "run-1", timedelta(days=1))
    assert ledger.claim(KEYS, "run-2", MINUTE) == set(KEYS)
