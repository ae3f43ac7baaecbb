"""No key is ever stored, and no paid answer is lost over a word that looks like one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from jobforge.ledger import BatchItem, Ledger, SecretFoundError, open_ledger
from jobforge.ledger.secrets import Secrets

from ledger.builders import MINUTE, asked, attempt, cell_keys

KEY = "my-own-server-key"
PROJECT_KEY = "sk-proj-abcdefgh1234567890ABCDEFGH"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a key that looks like none."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.parametrize("text", [KEY, PROJECT_KEY, "Bearer abcdef0123456789abcdef"])
@pytest.mark.parametrize("part", ["system_text", "user_text", "schema_text", "parameters"])
def test_a_prompt_with_a_key_is_refused(ledger: Ledger, part: str, text: str) -> None:
    """A key in what is sent is an error before anything is written, and not shown in it."""
    with pytest.raises(SecretFoundError, match="job 'J1' holds what looks like") as found:
        ledger.record([attempt(asked(2)), attempt(asked(1, **{part: f'"{text}"'}))])
    assert text not in str(found.value)
    assert isinstance(found.value, ValueError)
    assert ledger.stats().attempts == 0


def test_a_batch_with_a_key_is_refused(ledger: Ledger) -> None:
    """A key in a batch's request is an error before anything is noted."""
    request = asked(1, user_text=PROJECT_KEY)
    ledger.claim(cell_keys(request), "run-1", MINUTE)
    with pytest.raises(SecretFoundError):
        ledger.begin_batch("b", "run-1", [BatchItem("i", request)])
    assert ledger.open_batches() == []


def test_a_key_in_a_reply_is_blotted_out_and_the_answer_kept(tmp_path: Path) -> None:
    """A server that echoes a key costs no answer, and the key is nowhere in the file."""
    path = tmp_path / "ledger.sqlite"
    with open_ledger(str(path)) as ledger:
        ledger.record(
            [attempt(raw_reply=f"Authorization: Bearer {PROJECT_KEY} {KEY}", reason=f"bad {KEY}")]
        )
        (why,) = ledger.why("J1", "numeracy")
        assert why.raw_reply == "Authorization: [redacted] [redacted]"
        assert why.answer.source.reason == "bad [redacted]"
        assert list(ledger.verify()) == []
        sqlite3.connect(path).execute("pragma wal_checkpoint(truncate)")
    assert KEY.encode() not in path.read_bytes()
    assert b"sk-proj" not in path.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "task-oriented and risk-management-2026-specialist",
        "Standard bearer of good news",
        "sk-learn, a library",
        "bearer bonds and bearer instruments clerk",
        "flask-restful-api-developer-level-3",
    ],
)
def test_ordinary_words_are_not_keys(ledger: Ledger, text: str) -> None:
    """Words that only begin like a key are stored as they are."""
    ledger.record([attempt(asked(user_text=text), raw_reply=text)])
    (why,) = ledger.why("J1", "numeracy")
    assert (why.user_text, why.raw_reply) == (text, text)


def test_the_database_password_is_not_shown(postgres_server: object, new_postgres_url: str) -> None:
    """Neither figures nor errors show the password of the ledger's URL, nor is it stored."""
    from support.postgres import PASSWORD

    with open_ledger(new_postgres_url) as ledger:
        assert PASSWORD not in ledger.stats().location
        with pytest.raises(SecretFoundError):
            ledger.record([attempt(asked(1, user_text=f"the password {PASSWORD}"))])


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PGPASSWORD", "a-long-word"),
        ("JOBFORGE_LEDGER", "postgresql://user:a-long-word@host/db"),
        ("JOBFORGE_LEDGER", "postgresql://user@host/db?password=a-long-word"),
        ("JOBFORGE_LEDGER", "postgresql://user:[a-long-word@host/db"),
    ],
)
def test_the_ledgers_password_is_a_secret(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    """A prompt that holds it is known by what looks for secrets before anything is sent."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(SecretFoundError):
        Secrets().refuse("Keeper of [a-long-word", "the data of job 'J1'")
