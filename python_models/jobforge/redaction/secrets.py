"""Secrets taken out of texts, whatever clothes they have there.

A server can repeat a secret in capitals, escaped for an address, for JSON or for HTML, in base64,
or a part of it. So a secret is looked for in what a text says and not only in how it is written:
without regard to case, behind every escape, at all three places that a byte can have in base64, and
by any part that is half as long as the whole and more than a word.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from jobforge.redaction.lines import one_line, visible

__all__ = ["REDACTED", "Redactor", "is_secret", "is_word", "redact", "without_secrets"]

REDACTED = "[redacted]"

_SHORTEST = 4
# A shorter one is looked for as a word of its own, and whole.
_SHORTEST_PART = 8
# In base64 fewer letters than these could be a word.
_SHORTEST_ENCODED = 6
_NO_KEYS = {
    *(
        "anything",
        "api-key",
        "apikey",
        "changeme",
        "dummy",
        "empty",
        "ignored",
        "llama",
        "lm-studio",
    ),
    *("lmstudio", "local", "no-key", "no-key-required", "nokey", "none", "not-needed", "null"),
    *("ollama", "placeholder", "sk-no-key-required", "test", "token", "unused", "vllm"),
}

_LOOKS_SECRET = re.compile(
    r"(?<!\w)sk-[\w*.\-]{8,}"  # OpenAI's keys, also half masked
    r"|(?i:bearer)\s+[^\s\"',]+"
    r"|(?<=://)[^\s/@]+@"  # user:password@ in an address
)
_ESCAPES = ("%", "\\u00", "\\x", "\\/", "&#")
# An ASCII letter in an address, in JSON (within JSON) or in HTML.
_ESCAPED = re.compile(
    r"%(?:25)*([0-7][0-9a-fA-F])"
    r"|\\+(?:u00|x)([0-7][0-9a-fA-F])"
    r"|&#x0{0,4}([0-7][0-9a-fA-F]);"
    r"|&#(0{0,4}[0-9]{2,3});"
    r"|\\+(/)"
)


def is_word(key: str) -> bool:
    """Say whether a key is a word that a text may well have by itself."""
    return len(key) < _SHORTEST_PART and key.isalpha()


def is_secret(key: str) -> bool:
    """Say whether a key is one: `none` or `token` stands for no key at all.

    Blotting out such a word would spoil replies in which it only occurs.
    """
    return len(key) >= _SHORTEST and key.lower() not in _NO_KEYS


def redact(text: str, secrets: Iterable[str] = (), limit: int = 300) -> str:
    """Return `text` on one bounded line, without the given secrets and all that looks like one."""
    text = without_secrets(text, secrets)
    return visible(one_line(_LOOKS_SECRET.sub(REDACTED, text), limit))


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with `[redacted]` in place of the given secrets and their larger parts."""
    return _redactor(tuple(secrets)).without(text)


class Redactor:
    """Takes the given secrets out of texts, whatever clothes they have there."""

    def __init__(self, secrets: Iterable[str]) -> None:
        given = dict.fromkeys(secret for secret in secrets if is_secret(secret))
        self._forms = [form for secret in given for form in _forms(secret)]

    def without(self, text: str) -> str:
        """Return the text with `[redacted]` in place of every secret and its larger parts."""
        if not self._forms:
            return text
        found = list(self._find(text))
        # Looking for the plain beginnings first is ten times faster than the pattern.
        if any(beginning in text for beginning in _ESCAPES) and _ESCAPED.search(text):
            said, places = _unescaped(text)
            found += [(places[start], places[end]) for start, end in self._find(said)]
        for start, end in _joined(found):
            text = text[:start] + REDACTED + text[end:]
        return text

    def _find(self, text: str) -> Iterator[tuple[int, int]]:
        lower = text.lower()
        if len(lower) != len(text):
            # A few letters have a longer small form: they are in no key.
            lower = "".join(one.lower() if one.isascii() else one for one in text)
        for form in self._forms:
            yield from form.find(lower)


@dataclass(frozen=True, slots=True)
class _Form:
    """A secret as it may be written, in small letters.

    least: the length of the shortest part that is looked for. blocks: pieces one of which is in
    every such part, with their places. as_word: only where no letter stands beside it.
    """

    text: str
    least: int
    blocks: tuple[tuple[int, str], ...]
    as_word: bool = False

    @classmethod
    def of(cls, text: str, least: int, *, as_word: bool = False) -> _Form:
        """Return the form of a secret with its blocks."""
        size = len(text) if least >= len(text) else (least + 1) // 2
        places = range(0, len(text) - size + 1, size)
        return cls(text, least, tuple((at, text[at : at + size]) for at in places), as_word)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the secret, or a part that is long enough, begins and ends."""
        for place, block in self.blocks:
            before, after = self.text[:place][::-1], self.text[place + len(block) :]
            at = text.find(block)
            while at >= 0:
                end = at + len(block)
                start = at - _alike(before, text[max(at - place, 0) : at][::-1])
                end += _alike(after, text[end : end + len(after)])
                if end - start >= self.least and self._tells(text, start, end):
                    yield start, end
                at = text.find(block, end)

    def _tells(self, text: str, start: int, end: int) -> bool:
        """Say whether what was found is no mere word, such as `development` of a longer key."""
        part = text[start:end]
        if self.as_word:
            return not _inside(text, start, end)
        if part == self.text or any(letter.isdigit() for letter in part):
            return True
        return self.text.startswith(part) and not part.isalpha()


def _alike(one: str, other: str) -> int:
    """Return with how many letters both texts begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _forms(secret: str) -> Iterator[_Form]:
    lower = secret.lower()
    if len(secret) < _SHORTEST_PART:
        yield _Form.of(lower, len(lower), as_word=True)
    else:
        yield _Form.of(lower, max(_SHORTEST_PART, len(lower) // 2))
    encoded = {secret.encode().hex(), *_in_base64(secret.encode())}
    for text in encoded:
        if len(text) >= _SHORTEST_ENCODED:
            yield _Form.of(text, len(text))


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield what base64 makes of a secret wherever it stands in what is encoded."""
    for before in range(3):
        whole = b64encode(bytes(before) + secret).decode().lower()
        # A letter has six bits: those at the edges belong to the neighbours, too.
        first, last = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        yield whole[first:last]
        yield whole[first:last].translate({ord("+"): "-", ord("/"): "_"})


def _inside(text: str, start: int, end: int) -> bool:
    """Say whether a place is a part of a longer word."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return any(one.isalnum() or one == "_" for one in (before, after))


def _unescaped(text: str) -> tuple[str, list[int]]:
    """Return what a text says, and the place of each of its letters in the text as it is."""
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for found in _ESCAPED.finditer(text):
        parts.append(text[at : found.start()])
        places.extend(range(at, found.start()))
        *hexadecimal, decimal, slash = found.groups()
        code = next(filter(None, hexadecimal), None)
        letter = slash or chr(int(code, 16) if code else min(int(decimal), 0x7F))
        parts.append(letter)
        places.append(found.start())
        at = found.end()
    parts.append(text[at:])
    places.extend(range(at, len(text) + 1))
    return "".join(parts), places


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans without overlaps, the last one first."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined[::-1]


@lru_cache(maxsize=16)
def _redactor(secrets: tuple[str, ...]) -> Redactor:
    return Redactor(secrets)
