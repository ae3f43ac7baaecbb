"""Replies that tell how probable their tokens were, as servers list it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import log
from typing import Any

__all__ = ["Listed", "answer_tokens", "completion", "listed_tokens", "token"]

# A token, and the log-probability of what is listed in its place.
Listed = tuple[str, Mapping[str, float]]


def token(text: str, chances: Mapping[str, float] | None = None) -> Listed:
    """Return a token with the probabilities that are listed in its place, or as the only one."""
    return text, {one: log(chance) for one, chance in (chances or {text: 1.0}).items()}


def completion(tokens: Iterable[Listed], content: str | None = None) -> str:
    """Return the JSON of a chat completion of these tokens, whose text is theirs."""
    tokens = list(tokens)
    text = "".join(one for one, _ in tokens) if content is None else content
    choice = {
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
        "logprobs": listed_tokens(tokens),
    }
    return json.dumps({"model": "m", "choices": [choice]})


def listed_tokens(tokens: Iterable[Listed]) -> dict[str, Any]:
    """Return what a reply's choice has as `logprobs`."""
    return {"content": [_entry(*one) for one in tokens]}


def answer_tokens(
    answer: Mapping[str, Any], chances: Mapping[str, Mapping[str, float]]
) -> list[Listed]:
    """Return the tokens of an answer's JSON, in which each value is one token.

    chances: of each cell the probability of each value, by its JSON; the others are certain.
    """
    tokens = []
    between = "{"
    for name, cell in answer.items():
        between += f"{json.dumps(name)}: {{"
        for part, given in cell.items():
            tokens.append(token(f"{between}{json.dumps(part)}:"))
            said = json.dumps(given, ensure_ascii=False)
            known = chances.get(name, {}) if part == "value" else {}
            tokens.append(token(f" {said}", {f" {one}": known[one] for one in known}))
            between = ", "
        between = "}, "
    return [*tokens, token("}}")]


def _entry(text: str, listed: Mapping[str, float]) -> dict[str, Any]:
    top = [_one(one, logprob) for one, logprob in listed.items()]
    return {**_one(text, listed.get(text, -9999.0)), "top_logprobs": top}


def _one(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}
