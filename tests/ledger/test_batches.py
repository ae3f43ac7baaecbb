"""A batch's cells wait in it, whatever happens to the program that began it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jobforge.ledger import BatchItem, Ledger, LedgerError, open_ledger

from ledger.builders import LATER, MINUTE, asked, attempt, cell_keys, item

ITEMS = [item(1), replace(item(2), definitions='[["reading", "rating"]]')]
KEYS = cell_keys(*(one.request for one in ITEMS))


def begun(ledger: Ledger) -> Ledger:
    """Begin a batch of two items."""
    ledger.claim(KEYS, "run-1", MINUTE)
    ledger.begin_batch("batch-1", "run-1", ITEMS)
    return ledger


def test_a_batch_is_open_before_anything_is_known_of_it(ledger: Ledger) -> None:
    """A batch that was begun is preparing, with no id of the provider's."""
    (batch,) = begun(ledger).open_batches()
    assert (batch.local_id, batch.run_id, batch.state) == ("batch-1", "run-1", "preparing")
    assert (batch.input_file_id, batch.api_batch_id) == (None, None)


def test_waiting_cells_are_nobodys(ledger: Ledger) -> None:
    """A cell in an open batch is claimed by no run, not even its own."""
    begun(ledger)
    assert ledger.pending_cells([*KEYS, "f" * 64]) == dict.fromkeys(KEYS, "batch-1")
    assert ledger.claim(KEYS, "run-1", MINUTE) == set()
    assert ledger.claim(KEYS, "run-2", MINUTE, refused_before=LATER) == set()
    assert ledger.stats().claims == 0


def test_a_batch_begun_by_a_dead_run_is_found_by_the_next(url: str) -> None:
    """A crash right after the beginning leaves the batch open, with all of its requests."""
    with open_ledger(url) as ledger:
        begun(ledger)
    with open_ledger(url) as ledger:
        assert [one.local_id for one in ledger.open_batches()] == ["batch-1"]
        assert list(ledger.batch_items("batch-1")) == ITEMS
        assert ledger.claim(KEYS, "run-2", MINUTE) == set()


def test_what_becomes_known_is_noted(ledger: Ledger) -> None:
    """State and ids are noted one by one, and what is not given stays."""
    begun(ledger).set_batch("batch-1", input_file_id="file-1")
    ledger.set_batch("batch-1", state="submitted", api_batch_id="api-1")
    (batch,) = ledger.open_batches()
    assert (batch.state, batch.input_file_id, batch.api_batch_id) == (
        "submitted",
        "file-1",
        "api-1",
    )


def test_a_finished_batch_gives_back_what_it_did_not_answer(ledger: Ledger) -> None:
    """After a partial output the missing cells, and only they, may be asked again."""
    begun(ledger)
    ledger.record([attempt(ITEMS[0].request, "batch-1:item-001", mode="batch")])
    ledger.finish_batch("batch-1", "expired")
    assert ledger.open_batches() == []
    assert list(ledger.batch_items("batch-1")) == []
    assert ledger.claim(KEYS, "run-2", MINUTE) == set(KEYS[2:])


def test_collecting_twice_changes_nothing(ledger: Ledger) -> None:
    """A crash between recording and finishing is mended by doing both again."""
    begun(ledger)
    answers = [attempt(one.request, f"batch-1:{one.custom_id}", mode="batch") for one in ITEMS]
    ledger.record(answers)
    ledger.record(answers)
    ledger.finish_batch("batch-1", "collected")
    ledger.finish_batch("batch-1", "collected")
    assert (ledger.stats().attempts, ledger.stats().pending_cells) == (2, 0)


def test_a_batch_takes_claimed_cells_only(ledger: Ledger) -> None:
    """Cells that the run does not hold are not put into a batch, and nothing of it is noted."""
    ledger.claim(KEYS[:2], "run-1", MINUTE)
    with pytest.raises(LedgerError, match="2 of its 4 cells are not claimed by run 'run-1'"):
        ledger.begin_batch("batch-1", "run-1", ITEMS)
    assert ledger.open_batches() == []
    assert ledger.pending_cells(KEYS) == {}


def test_a_cell_is_in_one_batch_only(ledger: Ledger) -> None:
    """Neither the same batch nor another takes a cell a second time."""
    begun(ledger)
    with pytest.raises(LedgerError, match="there is a batch 'batch-1' already"):
        ledger.begin_batch("batch-1", "run-2", ITEMS)
    with pytest.raises(LedgerError, match="not claimed"):
        ledger.begin_batch("batch-2", "run-1", ITEMS)
    ledger.claim(cell_keys(asked(3)), "run-1", MINUTE)
    with pytest.raises(LedgerError, match="asks a cell twice"):
        ledger.begin_batch("batch-3", "run-1", [item(3), BatchItem("again", asked(3))])


def test_unknown_batches_and_states_are_errors(ledger: Ledger) -> None:
    """A batch that is not there, or a state that is none, is said."""
    with pytest.raises(LedgerError, match="no open batch 'nothing'"):
        ledger.set_batch("nothing", state="submitted")
    with pytest.raises(LedgerError, match="no batch 'nothing'"):
        ledger.finish_batch("nothing", "collected")
    with pytest.raises(ValueError, match="'lost' is no state"):
        begun(ledger).set_batch("batch-1", state="lost")  # type: ignore[arg-type]


def test_many_items_come_back_in_order(ledger: Ledger) -> None:
    """More items than one page come back, each whole."""
    items = [item(job) for job in range(1, 900)]
    ledger.claim(cell_keys(*(one.request for one in items)), "run-1", MINUTE)
    ledger.begin_batch("batch-1", "run-1", items)
    assert list(ledger.batch_items("batch-1")) == items


def test_a_batch_whose_beginning_was_acknowledged_to_nobody_begins_once(ledger: Ledger) -> None:
    """Done again as a whole, as after a lost connection, it is the same batch; another is none."""
    ledger.claim(cell_keys(asked(1), asked(2)), "run-1", MINUTE)
    for _ in range(2):
        ledger.begin_batch("batch-1", "run-1", [item(1)])
    assert [one.local_id for one in ledger.open_batches()] == ["batch-1"]
    with pytest.raises(LedgerError, match="there is a batch 'batch-1' already"):
        ledger.begin_batch("batch-1", "run-1", [item(2)])
