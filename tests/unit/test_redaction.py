"""Text from outside is made safe before it is shown or stored."""

from __future__ import annotations

import json
import re
from base64 import b64encode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jobforge.errors import InputError
from jobforge.provider.connection import Connection
from jobforge.redaction import one_line, redact, secrets_of, shown, visible, without_secrets
from support.loopback_server import clothes


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


KEYS = ["sk-test-0123456789abcdef", "ab-12", "hunter2", "eleven-ch4r", "own+secret/9="]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_known_in_all_clothes(key: str) -> None:
    """Whole, in capitals, in half, escaped for addresses and JSON, in base64: all are replaced."""
    for worn in clothes(key):
        if len(worn) < min(8, len(key)):
            continue  # the half of a short key
        said = without_secrets(f"say {worn} now", [key])
        assert "[redacted]" in said, worn
        assert worn not in said
        assert said.startswith("say ")
        assert said.endswith(" now")


@pytest.mark.parametrize("before", range(4))
def test_a_key_is_known_amid_what_was_encoded(before: int) -> None:
    """In base64 a key looks otherwise at each of three places; all but its edges go."""
    key = KEYS[0]
    said = b64encode(b"u" * before + b":" + key.encode() + b" and more").decode()
    left = without_secrets(said, [key]).split("[redacted]")
    assert len(left) == 2
    assert sum(map(len, left)) <= len(said) - len(key)


def test_a_key_within_a_text_within_json_is_known() -> None:
    """An escape that was escaped again is one all the same."""
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in KEYS[0])
    for text in (escaped, json.dumps(escaped), json.dumps(json.dumps(escaped))):
        assert json.loads(json.dumps(without_secrets(text, [KEYS[0]]))).strip('"\\') == "[redacted]"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("my-local-development-key", "the development of local keys"),
        ("vllm", "vllm serves this"),
        ("hunter2", "hunter23 and xhunter2"),
        ("sk-test-0123456789abcdef", "0123456 and abcdef, sk-test-0"),
        ("plain-1", "caf\u00e9 50% \\u00e9 &#233; aGVsbG8="),
    ],
)
def test_what_a_text_has_by_itself_stays(key: str, text: str) -> None:
    """A word of a key, a short piece of it, a word that holds it: none of them is the key."""
    assert without_secrets(text, [key]) == text


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.integers(0, 60))
def test_a_key_is_found_in_any_text(text: str, at: int) -> None:
    """Whatever stands around a key, the rest of the text stays as it is."""
    key = "Zq7-kk-19-WwPp"
    assume(without_secrets(text, [key]) == text)
    spoiled = text[:at] + f" {key} " + text[at:]
    assert without_secrets(spoiled, [key]) == text[:at] + " [redacted] " + text[at:]


@pytest.mark.parametrize(
    ("address", "host", "secrets"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/…", ()),
        ("http://127.0.0.1:8089", "http://127.0.0.1:8089", ()),
        ("https://gate.way/t0k3n/v1?key=in-query", "https://gate.way/…", ("in-query", "t0k3n")),
        ("https://u:pass-word@host/v1", "https://host/…", ("pass-word",)),
        (
            "https://mine.openai.azure.com/openai/deployments/gpt-4o-mini?api-version=2024-10-21",
            "https://mine.openai.azure.com/…",
            (),
        ),
        ("https://r.ai/models/maker/Model-3.1-8B/v1", "https://r.ai/…", ()),
        ("https://r.ai/v1/accounts/0123abcd/gateway/my-own-way", "https://r.ai/…", None),
    ],
)
def test_an_address_is_shown_as_its_host(
    address: str, host: str, secrets: tuple[str, ...] | None
) -> None:
    """Path and query may hold a token; words and names that are known anyway are none."""
    assert shown(address) == host
    expected = ("0123abcd", "my-own-way") if secrets is None else secrets
    assert sorted(filter(None, secrets_of(address))) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("a\x1b[31mred\x07", r"a\x1b[31mred\x07"),
        ("in\u202eside\u2066 out", r"in\u202eside\u2066 out"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("half \ud800", r"half \ud800"),
        ("Café\tœuvre\n日本語 €", "Café\tœuvre\n日本語 €"),
    ],
)
def test_what_nobody_sees_is_made_visible(text: str, harmless: str) -> None:
    """Controls, marks of direction, what has no width and tags are shown as their escapes."""
    assert visible(text) == harmless


def test_an_error_hides_nothing() -> None:
    """Whatever an error's words were made of, they steer no terminal."""
    assert str(InputError("job \x1b[2J\u202e")) == r"job \x1b[2J\u202e"


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
    assert "https://host/…" in shown


@given(st.text(st.characters(exclude_categories=()), max_size=40), st.integers(2, 30))
def test_the_quick_way_is_the_long_way(text: str, limit: int) -> None:
    """A printable text gives the line that any other way of joining its words gives."""
    words = " ".join(re.split(r"[\s\x00-\x1f\x7f-\x9f]+", text.encode("utf-8", "replace").decode()))
    line = words.strip()
    assert one_line(text, limit) == (
        line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    )
