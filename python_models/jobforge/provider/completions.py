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
from jobforge.redaction import one_line, redact, without_secrets

__all__ = ["Completion", "Reply", "count", "mapping", "read_completion"]

_MOST = 1_000_000_000
_LONGEST_NAME = 200
# What some servers send with a 200, and the status that it stands for.
_CODES = {"invalid_api_key": 401, "model_not_found": 404, "insufficient_quota": 429}
_TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")


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

    `usage` is None where the server does not say, which is not the same as nothing.
    """

    content: str | None
    error: errors.ApiError | errors.ReplyError | None
    model: str | None
    request_id: str | None
    fingerprint: str | None
    usage: Usage | None


def read_completion(reply: Reply, model: str, secrets: Iterable[str] = ()) -> Completion:
    """Read a reply of any status; `model` is the one that was asked for."""
    try:
        body = mapping(json.loads(reply.body))
    except (ValueError, RecursionError):
        body = None
    usage = _usage(mapping((body or {}).get("usage")))
    request_id = reply.request_id or _name((body or {}).get("id"))
    content: str | None = None
    error: errors.ApiError | errors.ReplyError | None = None
    status = _status(reply, body or {})
    if not 200 <= status < 300:
        kind, words = _status_error(replace(reply, status=status), body or {}, model, secrets)
        error = kind(words, status=reply.status, request_id=request_id)
        usage = usage or Usage()
    elif body is None:
        words = "unreadable: the server's reply is not JSON"
        error = errors.UnreadableReplyError(words, request_id=request_id)
    else:
        content, fault = _content(body, secrets)
        if fault:
            error = fault[0](fault[1], request_id=request_id)
    return Completion(
        content=content,
        error=error,
        # Not every server names it.
        model=_name((body or {}).get("model")) or (model if content is not None else None),
        request_id=request_id,
        fingerprint=_name((body or {}).get("system_fingerprint")),
        usage=usage,
    )


def _status(reply: Reply, body: Mapping[str, Any]) -> int:
    if not 200 <= reply.status < 300 or body.get("choices"):
        return reply.status
    error = mapping(body.get("error"))
    names = (_text(error.get("code")), _text(error.get("type")))
    return next((_CODES[name] for name in names if name in _CODES), reply.status)


def _content(
    body: Mapping[str, Any], secrets: Iterable[str]
) -> tuple[str | None, tuple[type[errors.ReplyError], str] | None]:
    choices = body.get("choices")
    choice = mapping(choices[0]) if isinstance(choices, list) and choices else {}
    message = mapping(choice.get("message"))
    finish = _text(choice.get("finish_reason"))
    refusal = _text(message.get("refusal"))
    content = _text(message.get("content"))
    if not choice:
        said = _text(mapping(body.get("error")).get("message")) or "the reply has no choices"
        return None, (errors.EmptyReplyError, f"empty: {redact(said, secrets)}")
    if refusal:
        return None, (errors.RefusedError, f"refused: {redact(refusal, secrets)}")
    if finish == "content_filter":
        return None, (errors.RefusedError, "refused: content filter")
    if finish == "length":
        return None, (errors.TruncatedError, "truncated: the reply reached llm_max_output_tokens")
    if not content or not content.strip():
        return None, (errors.EmptyReplyError, "empty: the reply has no content")
    return content, None


def _status_error(
    reply: Reply, body: Mapping[str, Any], model: str, secrets: Iterable[str]
) -> tuple[type[errors.ApiError | errors.ReplyError], str]:
    # Some servers send the error itself, some an object around it, some a text.
    error = body.get("error")
    detail = mapping(error) or body
    said = (
        _text(detail.get("message")) or _text(error) or reply.body[:300].decode("utf-8", "replace")
    )
    said = redact(said or "no explanation", secrets)
    names = {_text(detail.get("code")), _text(detail.get("type"))}
    status = reply.status
    if status in (401, 403):
        return errors.KeyRejectedError, f"the server rejects the key, set OPENAI_API_KEY: {said}"
    if status == 404:
        return (
            errors.UnknownModelError,
            f"the server does not know the model {model!r} (set llm_model, it may have been"
            f" retired) or OPENAI_BASE_URL is not an API's address: {said}",
        )
    if status == 429:
        if "insufficient_quota" in names:
            return errors.QuotaExhaustedError, f"the account has no credit left: {said}"
        return errors.RateLimitedError, f"rate limited: {said}"
    if status in (408, 409) or status >= 500:
        return errors.ServerFaultError, f"server fault {status}: {said}"
    if 300 <= status < 400:
        return errors.RequestRejectedError, f"the server redirects ({status}): set OPENAI_BASE_URL"
    if status == 413 or names & set(_TOO_LONG):
        return errors.RequestTooLongError, f"the request is too long for {model!r}: {said}"
    if "content_filter" in names:
        return errors.RefusedError, f"refused: {said}"
    return errors.RequestRejectedError, f"the server rejects the request ({status}): {said}"


def _usage(usage: Mapping[str, Any]) -> Usage | None:
    # What is not a count is not known: it must not pass for nothing where a cap adds it up.
    prompt, completion = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    cached = count(mapping(usage.get("prompt_tokens_details")).get("cached_tokens"))
    return Usage(prompt_tokens=prompt, cached_tokens=cached or 0, completion_tokens=completion)


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
