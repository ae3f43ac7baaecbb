"""The ledger's attempts as a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import Place, record
from jobforge.answers.attempts import ATTEMPTS_SCHEMA, no_attempts, read_attempts
from jobforge.ledger import existing_ledger
from jobforge.ledger.errors import LedgerError


def test_without_a_ledger_there_are_no_rows_and_no_file(tmp_path: Path) -> None:
    """A project that never asked anything has an empty, typed table."""
    path = tmp_path / "ledger/jobforge.sqlite"
    assert read_attempts(str(path)).schema == ATTEMPTS_SCHEMA
    assert read_attempts(str(path)).num_rows == no_attempts().num_rows == 0
    assert existing_ledger(str(path)) is None
    assert not path.parent.exists()


def test_each_attempt_has_its_tokens_its_cost_and_its_cells(tmp_path: Path) -> None:
    """What usage is summed from, without a text or a raw reply."""
    place = Place(tmp_path)
    record(place)
    record(place, "J2")
    table = read_attempts(str(place.ledger))
    assert table.schema == ATTEMPTS_SCHEMA
    first, _ = table.sort_by("attempt_id").to_pylist()
    assert first["attempt_id"] == "attempt-J1"
    assert (first["prompt_tokens"], first["cached_tokens"], first["completion_tokens"]) == (
        1000,
        800,
        50,
    )
    assert (first["estimated_prompt_tokens"], first["estimated_completion_tokens"]) == (900, 60)
    assert first["cost_usd"] == 0.0021
    assert (first["cells_answered"], first["cells_refused"]) == (1, 1)
    assert first["sent_at"].isoformat() == "2026-11-22T10:00:00+00:00"


def test_a_ledger_that_cannot_be_read_is_an_error_and_not_empty(tmp_path: Path) -> None:
    """A damaged ledger never reads as if nothing had been spent."""
    path = tmp_path / "jobforge.sqlite"
    path.write_bytes(b"something else that somebody put there, longer than a header is")
    with pytest.raises(LedgerError):
        read_attempts(str(path))
