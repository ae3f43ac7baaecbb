"""What a chat completions reply holds: the text of an answer, or the reason why there is none.

Tokens count whether or not there is an answer, so what can be read is kept beside the error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobforge import errors
from jobforge.money.prices import Usage
from jobforge.provider.faults import fault_of
from jobforge.redaction import one_line, redact, without_secrets

__all__ = ["Completion", "Reply", "content_text", "count", "mapping", "read_completion"]

_MOST = 1_000_000_000
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sent back: any status, the headers of interest, the body, seconds it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency: float

    @property
    def request_id(self) -> str | None:
        """The server's name for the request."""
        return _name(self.headers.get("x-request-id"))

    def without(self, secrets: Iterable[str]) -> Reply:
        """Return the reply without what is secret, in its body or in a header."""
        secrets = tuple(secrets)
        headers = {name: redact(text, secrets) for name, text in self.headers.items()}
        # Latin-1 has a letter for every byte, and a secret is found whatever stands around it.
        body = without_secrets(self.body.decode("latin-1"), secrets).encode("latin-1")
        return replace(self, headers=headers, body=body)


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply, read: `content` where it is an answer, else `error`.

    `usage` is None where the server does not say, which is not the same as nothing. `wait`: seconds
    that the body asks to wait.
    """

    content: str | None
    error: errors.ApiError | errors.ReplyError | None
    model: str | None
    request_id: str | None
    fingerprint: str | None
    usage: Usage | None
    wait: float | None = None


def read_completion(reply: Reply, model: str, secrets: Iterable[str] = ()) -> Completion:
    """Read a reply of any status; `model` is the one that was asked for."""
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        body = None
    read = mapping(body)
    usage = _usage(mapping(read.get("usage")))
    request_id = reply.request_id or _name(read.get("id"))
    is_reply = 200 <= reply.status < 300
    content: str | None = None
    met: tuple[type[errors.ApiError | errors.ReplyError], str] | None = None
    if is_reply and not isinstance(body, dict | list):
        met = (errors.UnreadableReplyError, "unreadable: the server's reply is not JSON")
    elif is_reply:
        content, met = _content(read, secrets)
    fault = None
    # A router's 200 can hold a fault; where there is an answer none is looked for.
    if not is_reply or (met and issubclass(met[0], errors.EmptyReplyError)):
        fault = fault_of(reply.status, reply.body, body, model, secrets)
    if fault is not None:
        met = (fault.kind, fault.words)
        if not is_reply or issubclass(fault.kind, errors.ApiError):
            usage = usage or Usage()
    return Completion(
        content=content,
        error=met[0](met[1], status=reply.status, request_id=request_id) if met else None,
        # Not every server names it.
        model=_name(read.get("model")) or (model if content is not None else None),
        request_id=request_id,
        fingerprint=_name(read.get("system_fingerprint")),
        usage=usage,
        wait=fault.wait if fault else None,
    )


def _content(
    body: Mapping[str, Any], secrets: Iterable[str]
) -> tuple[str | None, tuple[type[errors.ReplyError], str] | None]:
    choices = body.get("choices")
    choice = mapping(choices[0]) if isinstance(choices, list) and choices else {}
    message = mapping(choice.get("message"))
    finish = _text(choice.get("finish_reason"))
    refusal = _text(message.get("refusal"))
    content = content_text(message.get("content"))
    if not choice:
        said = _text(mapping(body.get("error")).get("message")) or "the reply has no choices"
        return None, (errors.EmptyReplyError, f"empty: {redact(said, secrets)}")
    if refusal:
        return None, (errors.RefusedError, f"refused: {redact(refusal, secrets)}")
    if finish == "content_filter":
        return None, (errors.RefusedError, "refused: content filter")
    is_blank = not content or not content.strip()
    if finish == "length" and is_blank:
        return None, (errors.UnbegunError, _unbegun(mapping(body.get("usage"))))
    if finish == "length":
        return None, (errors.TruncatedError, "truncated: the reply reached llm_max_output_tokens")
    if is_blank:
        return None, (errors.EmptyReplyError, "empty: the reply has no content")
    return content, None


def content_text(content: object) -> str | None:
    """Return a message's text, also where it comes as a list of parts."""
    if not isinstance(content, list):
        return _text(content)
    texts = (_text(part.get("text")) for part in map(mapping, content) if _is_text(part))
    return "".join(text for text in texts if text) or None


def _is_text(part: Mapping[str, Any]) -> bool:
    return part.get("type") in (None, "text", "output_text")


def _unbegun(usage: Mapping[str, Any]) -> str:
    reasoning = count(mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    spent = f", {reasoning:,} tokens of it on reasoning" if reasoning else ""
    return (
        f"truncated before the answer began: the reply reached llm_max_output_tokens{spent};"
        " raise llm_max_output_tokens"
    )


def _usage(usage: Mapping[str, Any]) -> Usage | None:
    # What is not a count is not known: it must not pass for nothing where a cap adds it up.
    prompt, completion = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    of_prompt = mapping(usage.get("prompt_tokens_details"))
    of_completion = mapping(usage.get("completion_tokens_details"))
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=count(of_prompt.get("cached_tokens")) or 0,
        cache_write_tokens=count(of_prompt.get("cache_write_tokens")) or 0,
        reasoning_tokens=count(of_completion.get("reasoning_tokens")) or 0,
    )


def count(value: object) -> int | None:
    """Return a whole number from 0 to a billion, and None in place of anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return int(value) if 0 <= value <= _MOST and value == int(value) else None


def mapping(value: object) -> dict[str, Any]:
    """Return a JSON object, and an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str | None:
    """Return what a server calls something, in letters that every database takes."""
    text = _text(value)
    return one_line(text, _LONGEST_NAME) or None if text else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
