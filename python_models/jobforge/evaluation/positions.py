"""Where in a reply's text each cell's value stands.

A rationale may say `"value": 3` as well. So the text is read as JSON, member after member, by the
decoder that reads the values themselves, and what stands in a string is never taken for a member.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator

from jobforge.requests.replies import read_object, unwrapped

__all__ = ["value_positions"]

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def value_positions(text: str, attribute_ids: Collection[str]) -> dict[str, tuple[int, int]]:
    """Return where the value of each cell begins and ends, in characters of the text.

    text: a reply's content, with what `read_object` takes off. Cells without a value are left out.
    Raises UnreadableReplyError where the reply as a whole cannot be read.
    """
    read_object(text)
    within = unwrapped(text)
    # Nothing so long can begin after it.
    begin = _skip_space(text, text.rfind(within))
    return {
        name: (first, last)
        for name, cell, _ in _members(text, begin)
        if name in attribute_ids and text[cell] == "{"
        for part, first, last in _members(text, cell)
        if part == "value"
    }


def _members(text: str, begin: int) -> Iterator[tuple[str, int, int]]:
    """Yield each member of the object that begins there: its name, its value's begin and end."""
    at = _skip_space(text, begin + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        colon = _skip_space(text, at)
        first = _skip_space(text, colon + 1)
        _, last = _DECODER.raw_decode(text, first)
        yield name, first, last
        at = _skip_space(text, last)
        if text[at] == ",":
            at = _skip_space(text, at + 1)


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
