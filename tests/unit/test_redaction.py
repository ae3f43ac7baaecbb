"""Text from outside is made safe before it is shown or stored."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobforge.provider.client import Connection
from jobforge.redaction import one_line, redact


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("key sk-proj-0123abcDEF_x", "key [redacted]"),
        ("Incorrect key: sk-ab****wxyz.", "Incorrect key: [redacted]"),
        ("Authorization: Bearer abc.def-1", "Authorization: [redacted]"),
        ("bearer   abc, again", "[redacted], again"),
        ("at https://user:word@host/v1", "at https://[redacted]host/v1"),
        ("my own-secret here", "my [redacted] here"),
        ("a task-force of bearers", "a task-force of bearers"),
    ],
)
def test_what_looks_like_a_secret_is_redacted(text: str, safe: str) -> None:
    """Keys of the usual forms, and the given ones, are replaced; other words are not."""
    assert redact(text, ["own-secret", ""]) == safe


@pytest.mark.parametrize("key", ["", "1", "none", "token"])
def test_a_word_that_stands_for_no_key_is_no_secret(key: str) -> None:
    """Servers that need no key get one anyway; the word stays where it occurs otherwise."""
    assert redact("11 tokens, none cached", [key]) == "11 tokens, none cached"


def test_a_message_is_one_bounded_line() -> None:
    """A server's message of any shape is one line of at most 300 characters."""
    line = redact("a\nb\r\n\u2028c\x00\x1b " + "x" * 999)
    assert line.startswith("a b c x")
    assert len(line) == 300
    assert line.endswith("…")


def test_one_line_keeps_short_text() -> None:
    """A text that needs no change is returned as it is."""
    assert one_line("Café, Œuvre", 11) == "Café, Œuvre"


def test_an_address_with_a_password_is_not_shown() -> None:
    """The password in an address is as secret as the key."""
    shown = repr(Connection("https://user:word@host/v1", "plain-key"))
    assert "word" not in shown
    assert "plain-key" not in shown
    assert "host/v1" in shown


@given(st.text(st.characters(exclude_categories=()), max_size=40), st.integers(2, 30))
def test_the_quick_way_is_the_long_way(text: str, limit: int) -> None:
    """A printable text gives the line that any other way of joining its words gives."""
    words = " ".join(re.split(r"[\s\x00-\x1f\x7f-\x9f]+", text.encode("utf-8", "replace").decode()))
    line = words.strip()
    assert one_line(text, limit) == (
        line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    )
