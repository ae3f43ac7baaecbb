"""A text on one line, and a text in which nothing is hidden."""

from __future__ import annotations

import re

__all__ = ["one_line", "visible"]

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Controls but for tabs and line ends, what has no width or turns the direction, halves of
# surrogates, tags.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb"
    r"\U000e0000-\U000e0fff]"
)


def one_line(text: str, limit: int) -> str:
    """Return `text` on one line, at most `limit` characters, encodable as UTF-8."""
    # In printable text the only blank is a space, and every letter can be encoded.
    if text.isprintable() and "  " not in text:
        line = text.strip()
    else:
        line = _BLANKS.sub(" ", text.encode("utf-8", "replace").decode("utf-8")).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def visible(text: str) -> str:
    """Return `text` with what nobody sees, or what steers a terminal, as its escape."""
    return _INVISIBLE.sub(lambda found: ascii(found[0])[1:-1], text)
