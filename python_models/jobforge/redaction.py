"""No secret leaves this package: text from outside is redacted and bounded before it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["is_secret", "one_line", "redact"]

_SHORTEST = 8

_SECRETS = re.compile(
    r"(?<!\w)sk-[\w*.\-]{8,}"  # OpenAI's keys, also half masked
    r"|(?i:bearer)\s+[^\s\"',]+"
    r"|(?<=://)[^\s/@]+@"  # user:password@ in an address
)
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def is_secret(key: str) -> bool:
    """Say whether a key is long enough to be one: `none` or `token` stands for no key at all.

    Blotting out such a word would spoil replies in which it only occurs.
    """
    return len(key) >= _SHORTEST


def one_line(text: str, limit: int) -> str:
    """Return `text` on one line, at most `limit` characters, encodable as UTF-8."""
    # In printable text the only blank is a space, and every letter can be encoded.
    if text.isprintable() and "  " not in text:
        line = text.strip()
    else:
        line = _BLANKS.sub(" ", text.encode("utf-8", "replace").decode("utf-8")).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def redact(text: str, secrets: Iterable[str] = (), limit: int = 300) -> str:
    """Return `text` on one bounded line, without the given secrets and all that looks like one."""
    for secret in secrets:
        if is_secret(secret):
            text = text.replace(secret, "[redacted]")
    return one_line(_SECRETS.sub("[redacted]", text), limit)
