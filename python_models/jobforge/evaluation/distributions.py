"""How probable a model found each value that a cell can have, from its tokens' log-probabilities.

A server tells of each token that the model wrote what it found as probable there, as it was before
a schema forbade the rest: a token that the schema forced may have a log-probability of -20. So all
figures are shares among what the attribute can have. Values are told apart token by token:

- What a listed token says begins where the value does: structure and white space before it count
  for nothing, and what follows a closed value does not either (` 3`, `": 3` and `3,` say 3).
- A token that begins one allowed value only gives it its probability; one that begins none is left
  out, and a value that no listed token begins has none.
- The token that was written may begin several (`1` of 1 and 10, an opening quote, `very` of `very
  low` and `very high`): its probability goes on to the next token, which divides it.
- Another such token leads where nobody went. Its share is no one's: up to one in a hundred is left
  out, and where it is more the cell has no distribution.

Nor has it one where values that are not listed could together be as probable as those that are, or
where the tokens do not add up to the text. Scales of up to 21 whole steps, truths and categories
have distributions; texts and other numbers have none.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, isnan
from typing import Any

from pydantic_core import from_json

from jobforge.errors import UnreadableReplyError
from jobforge.evaluation.positions import value_positions
from jobforge.provider.completions import content_text, mapping
from jobforge.requests.inputs import Attribute
from jobforge.requests.schema import scale_steps

__all__ = ["Distribution", "read_distributions"]

_MOST_UNCLEAR = 0.01
_WHITE = b" \t\n\r"
# Below it a probability is no number any more.
_LEAST_LOGPROB = -700.0
# A server's rounding may take a probability of 1 beyond it.
_ROUNDING = 0.01

# What an attribute can have, by canonical text, and how it is written in the reply.
Forms = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Distribution:
    """The probability of each value that a cell can have, by canonical text; they add up to 1.

    answered: the value that the reply gives.
    """

    answered: str
    chances: Mapping[str, float]

    @property
    def answer_probability(self) -> float:
        """The probability of the value that the reply gives."""
        return self.chances[self.answered]

    @property
    def expected_value(self) -> float:
        """The mean of the values, of a rating."""
        return sum(float(value) * chance for value, chance in self.chances.items())


def read_distributions(raw_reply: str, attributes: Iterable[Attribute]) -> dict[str, Distribution]:
    """Return the distribution of each cell whose probabilities are known, by attribute id.

    raw_reply: the JSON of a chat completion with its log-probabilities; without them, and where
    anything in them is odd, nothing is known.
    """
    forms = {one.attribute_id: ways for one in attributes if (ways := _forms(one))}
    try:
        # It may be a megabyte, which json takes twice as long for.
        choice = mapping(mapping(from_json(raw_reply))["choices"][0])
        text = content_text(mapping(choice.get("message")).get("content")) or ""
        positions = value_positions(text, forms)
    except (ValueError, LookupError, TypeError, RecursionError, UnreadableReplyError):
        return {}
    tokens = _Tokens.of(mapping(choice.get("logprobs")).get("content"), _bytes(text))
    found: dict[str, Distribution] = {}
    for name, (begin, end) in positions.items():
        written = _bytes(text[begin:end])
        for values in forms[name]:
            if tokens is not None and written in values.values():
                chances = _chances(tokens, len(_bytes(text[:begin])), values)
                if chances is not None:
                    (answered,) = (one for one, way in values.items() if way == written)
                    found[name] = Distribution(answered, chances)
                break
    return found


class _Tokens:
    """The tokens of a reply, each with what else was listed in its place, by place in the text."""

    def __init__(self, entries: Sequence[Mapping[str, Any]], texts: list[bytes], skip: int) -> None:
        self._entries = entries
        self._texts = texts
        self._begins = []
        at = -skip
        for text in texts:
            self._begins.append(at)
            at += len(text)

    @classmethod
    def of(cls, listed: object, content: bytes) -> _Tokens | None:
        """Return the tokens that a reply lists, or None where they are not those of its content."""
        entries = [mapping(entry) for entry in listed] if isinstance(listed, list) else []
        texts = [text for entry in entries if (text := _token_bytes(entry)) is not None]
        # A server may list tokens that are no part of the content, before it or at its end.
        whole = b"".join(texts)
        if len(texts) < len(entries) or whole.count(content) != 1:
            return None
        return cls(entries, texts, whole.index(content))

    def over(self, begin: int) -> Iterable[tuple[bytes, bytes, dict[bytes, float]]]:
        """Yield what stands in the token before that byte, the token, and what was listed there.

        From the token that holds the byte on; listed is the log-probability of each text, with the
        token's own. It ends where a list cannot be read. What has no text, as the end of a turn,
        is left out.
        """
        for place in range(bisect_right(self._begins, begin) - 1, len(self._texts)):
            if not self._texts[place]:
                continue
            listed = _listed(self._entries[place])
            if listed is None:
                return
            lead = self._texts[place][: max(0, begin - self._begins[place])]
            yield lead, self._texts[place], listed


def _chances(tokens: _Tokens, begin: int, forms: Forms) -> dict[str, float] | None:
    """Return the probability of each value that may begin at that byte, if it can be known."""
    chances = dict.fromkeys(forms, 0.0)
    open_values = set(forms)
    said, path, unclear = b"", 1.0, 0.0
    for lead, written, listed in tokens.over(begin):
        begun = {}
        for text in listed:
            rest = text if said else _after(lead, text)
            begun[text] = set() if rest is None else _begun_by(said + rest, forms)
        weights = _weights(listed, begun, open_values)
        if weights is None or not begun[written]:
            return None
        for text, weight in weights.items():
            if len(begun[text]) == 1:
                chances[next(iter(begun[text]))] += path * weight
            elif text != written:
                unclear += path * weight
        if len(begun[written]) == 1:
            break
        open_values = begun[written]
        said += written[len(lead) :]
        path *= weights[written]
    else:
        return None
    if unclear > _MOST_UNCLEAR:
        return None
    whole = sum(chances.values())
    return {value: chance / whole for value, chance in chances.items()} if whole else None


def _weights(
    listed: Mapping[bytes, float], begun: Mapping[bytes, set[str]], open_values: set[str]
) -> dict[bytes, float] | None:
    """Return each token's share among those that begin a value, if what is not listed is less."""
    most = max((listed[text] for text in listed if begun[text]), default=-inf)
    if most == -inf:
        return None
    weights = {text: exp(listed[text] - most) for text in listed if begun[text]}
    whole = sum(weights.values())
    unlisted = len(open_values - set[str]().union(*begun.values()))
    if unlisted:
        # Each is as probable as the least that is listed, at the most, and all as what is left.
        left = max(0.0, 1 - sum(exp(logprob) for logprob in listed.values()))
        room = (left / exp(most) if most > _LEAST_LOGPROB else inf) if left else 0.0
        if min(unlisted * exp(min(listed.values()) - most), room) >= whole:
            return None
    return {text: weight / whole for text, weight in weights.items()}


def _begun_by(text: bytes, forms: Forms) -> set[str]:
    """Return the values that a text begins, or is with what may follow a value in an object."""
    return {
        value
        for value, written in forms.items()
        if written.startswith(text)
        or (text.startswith(written) and _closes(text[len(written) :].lstrip(_WHITE)))
    }


def _closes(rest: bytes) -> bool:
    return rest[:1] in (b"", b",", b"}")


def _after(lead: bytes, text: bytes) -> bytes | None:
    """Return what a token says of the value, or None where it has something else before it."""
    for place in range(len(lead)):
        mark = lead[place : place + 1]
        if mark in _WHITE:
            continue
        text = text.lstrip(_WHITE)
        if not text.startswith(mark):
            return None
        text = text[1:]
    return text.lstrip(_WHITE)


def _listed(entry: Mapping[str, Any]) -> dict[bytes, float] | None:
    """Return the log-probability of each text that is listed, or None where one is none."""
    alternatives = entry.get("top_logprobs")
    if not isinstance(alternatives, list) or not alternatives:
        return None
    found: dict[bytes, float] = {}
    for one in (*map(mapping, alternatives), entry):
        text, logprob = _token_bytes(one), one.get("logprob")
        if text is None or isinstance(logprob, bool) or not isinstance(logprob, int | float):
            return None
        if isnan(logprob) or logprob > _ROUNDING:
            return None
        found.setdefault(text, min(float(logprob), 0.0))
    found.pop(b"", None)
    return found


def _token_bytes(token: Mapping[str, Any]) -> bytes | None:
    """Return what a token stands for; a part of a letter has no text of its own."""
    listed = token.get("bytes")
    if isinstance(listed, list):
        try:
            return bytes(listed)
        except (TypeError, ValueError):
            return None
    text = token.get("token")
    return _bytes(text) if isinstance(text, str) else None


def _forms(attribute: Attribute) -> list[Forms]:
    """Return the ways in which a reply may write the values that an attribute can have."""
    steps = scale_steps(attribute)
    if steps is not None:
        numbers = [str(step) for step in steps]
        return [{one: _bytes(one) for one in numbers}, {one: _bytes(f'"{one}"') for one in numbers}]
    match attribute.value_type:
        case "boolean":
            return [{"true": b"true", "false": b"false"}]
        case "category":
            values = attribute.allowed_values
            return [
                {one: _bytes(json.dumps(one, ensure_ascii=escaped)) for one in values}
                for escaped in (False, True)
            ]
        case _:
            return []


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
