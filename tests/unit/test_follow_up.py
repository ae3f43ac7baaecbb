"""What becomes of a reply that is no answer: each row of the table, live and in a batch."""

from __future__ import annotations

from typing import Any

import pytest
from jobforge import errors
from jobforge.answers.follow_up import Again, Verdict, after_batch, after_cells, after_live

CELLS = ("a", "b", "c")


def live(error: errors.ApiError | errors.ReplyError, *names: str, may_repeat: bool = True) -> Any:
    return after_live(error, names or CELLS, may_repeat=may_repeat)


def batch(error: errors.ApiError | errors.ReplyError | None, cells: int = 3, **given: bool) -> Any:
    usual = {"is_ours": True, "may_send_again": False, "is_same_model": True}
    return after_batch(error, cells, **{**usual, **given})


def test_a_truncated_reply_is_halved() -> None:
    """Live at once, in a batch in the next one; a single cell fails."""
    halves = [Again(("a", "b"), "split", True), Again(("c",), "split", True)]
    assert live(errors.TruncatedError("")) == (None, halves)
    assert live(errors.TruncatedError(""), "a") == ("failed", [])
    assert batch(errors.TruncatedError("")) == Verdict(together=2)
    assert batch(errors.TruncatedError(""), 1) == Verdict(given_up=True)


@pytest.mark.parametrize("kind", [errors.EmptyReplyError, errors.UnreadableReplyError])
def test_what_cannot_be_read_is_asked_once_more(kind: type[errors.ReplyError]) -> None:
    """Live as it was and only once; a batch halves it."""
    assert live(kind("")) == ("failed", [Again(CELLS, "again", may_repeat=False)])
    assert live(kind(""), may_repeat=False) == ("failed", [])
    assert batch(kind("")) == Verdict(together=2)
    assert batch(kind(""), 1) == Verdict(given_up=True)


def test_a_cell_that_does_not_hold_is_asked_alone() -> None:
    """Live once more; in a batch where it was not alone already."""
    alone = [Again((name,), "alone", may_repeat=False) for name in ("a", "b")]
    assert after_cells(("a", "b"), is_fruitless=False, may_repeat=True) == alone
    assert after_cells(("a", "b"), is_fruitless=False, may_repeat=False) == []
    assert after_cells((), is_fruitless=False, may_repeat=True) == []
    assert batch(None) == Verdict(together=1)
    assert batch(None, 1) == Verdict(given_up=True)


def test_a_reply_in_which_nothing_holds_is_not_bought_again_by_the_run() -> None:
    """What made all of its cells fail is not in the cells; a single cell is asked once more."""
    assert after_cells(CELLS, is_fruitless=True, may_repeat=True) == []
    alone = [Again(("a",), "alone", may_repeat=False)]
    assert after_cells(("a",), is_fruitless=True, may_repeat=True) == alone


def test_a_reply_that_never_began_is_not_halved() -> None:
    """Halves would meet the same limit: it failed, live and in a batch."""
    assert live(errors.UnbegunError("")) == ("failed", [])
    assert batch(errors.UnbegunError("")) == Verdict(given_up=True)


def test_a_refusal_is_not_asked_again() -> None:
    """It is an outcome like an answer."""
    assert live(errors.RefusedError("")) == ("refused", [])
    assert batch(errors.RefusedError("")) == Verdict()


def test_a_fault_that_passes_is_given_up_only_where_this_run_met_it() -> None:
    """What an earlier run sent is open again; what was never sent is sent again once."""
    error = errors.ServerFaultError("")
    assert live(error) == ("failed", [])
    assert batch(error) == Verdict(given_up=True)
    assert batch(error, is_ours=False) == Verdict()
    assert batch(error, may_send_again=True) == Verdict(once=True)
    assert batch(error, is_ours=False, may_send_again=True) == Verdict()


def test_a_fault_of_every_call_ends_the_run() -> None:
    """Live its cells wait; a rejected request ends it only where all of a batch were rejected."""
    for fatal in (errors.KeyRejectedError(""), errors.QuotaExhaustedError("")):
        assert live(fatal) == ("awaiting_llm", [])
        assert batch(fatal) == Verdict(given_up=True, ends="run")
    assert live(errors.RequestRejectedError("")) == ("awaiting_llm", [])
    assert batch(errors.RequestRejectedError("")) == Verdict(given_up=True, ends="batch")


def test_what_another_model_was_asked_says_nothing_of_this_runs() -> None:
    """Its cells are open for the model that is asked now."""
    for error in (errors.UnknownModelError(""), errors.RequestTooLongError("")):
        assert batch(error, is_same_model=False) == Verdict()


def test_a_request_that_is_too_long_fails_alone() -> None:
    """No other request is any the worse for it."""
    assert live(errors.RequestTooLongError("")) == ("failed", [])
    assert batch(errors.RequestTooLongError("")) == Verdict(given_up=True)
