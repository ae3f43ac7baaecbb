"""What a server means that gives no reply: one table, by the codes it sends, then by the status.

Servers say a fault by the HTTP status, by a code or a type in the body, in words or as a number,
and routers in front of them send all of it with a 200. The first row that matches decides; prose
never does. A server's words are shown, redacted, after what they mean here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobforge import errors
from jobforge.limiter import asked_wait, parse_duration
from jobforge.redaction import redact

__all__ = ["TABLE", "Fault", "Row", "fault_of"]

Kind = type[errors.ApiError | errors.ReplyError]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: what says so, which error it is, and what it means, with `{}` for more.

    codes: values of `code`, `type` or `status` in the body, in lower case. statuses: of HTTP, or
    numbers that stand in place of a code. becomes: what the run does, for people.
    """

    kind: Kind
    means: str
    becomes: str
    codes: frozenset[str] = frozenset()
    statuses: tuple[range, ...] = ()

    def matches(self, codes: Iterable[str], status: int | None) -> bool:
        """Say whether one of the codes, or the status where it is given, is this row's."""
        if status is not None:
            return any(status in some for some in self.statuses)
        return not self.codes.isdisjoint(codes)


def _only(*statuses: int) -> tuple[range, ...]:
    return tuple(range(status, status + 1) for status in statuses)


_STOPS = "stops the run"
_WAITS = "waits and is sent again"
_REFUSES = "refuses this request; the others are asked"

TABLE = (
    Row(
        errors.RefusedError,
        "refused",
        f"{_REFUSES}, and it is remembered as refused",
        frozenset(
            {
                *("content_filter", "content_policy_violation", "responsibleaipolicyviolation"),
                *("moderation_blocked", "moderation_error", "input_flagged", "flagged_input"),
                *("data_inspection_failed", "sensitive_words_detected", "safety_error"),
            }
        ),
    ),
    Row(
        errors.QuotaExhaustedError,
        "the account has no credit left",
        _STOPS,
        frozenset(
            {
                *("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"),
                *("insufficient_balance", "insufficient_credits", "insufficient_funds"),
                *("account_deactivated", "credit_balance_too_low", "payment_required"),
            }
        ),
        _only(402),
    ),
    Row(
        errors.UnknownModelError,
        "the server does not know the model {model!r} (set llm_model, it may have been retired)"
        " or OPENAI_BASE_URL is not an API's address",
        _STOPS,
        frozenset(
            {
                *("model_not_found", "deploymentnotfound", "model_not_available"),
                *("model_deprecated", "unknown_model", "not_found_error"),
            }
        ),
        _only(404, 410),
    ),
    Row(
        errors.KeyRejectedError,
        "the server rejects the key, set OPENAI_API_KEY",
        _STOPS,
        frozenset(
            {
                *("invalid_api_key", "authentication_error", "invalid_authentication"),
                *("unauthenticated", "permission_denied", "permission_error", "unauthorized"),
            }
        ),
        _only(401, 403),
    ),
    Row(
        errors.RequestTooLongError,
        "the request is too long for {model!r}",
        _REFUSES,
        frozenset(
            {
                *("context_length_exceeded", "exceed_context_size_error", "request_too_large"),
                *("string_above_max_length", "max_tokens_exceeded"),
            }
        ),
        _only(413),
    ),
    Row(
        errors.UnreadableReplyError,
        "unreadable: the provider could not read the model's own reply",
        "is unreadable, as other replies that do not hold",
        frozenset({"json_validate_failed", "output_parse_failed", "invalid_model_output"}),
    ),
    Row(
        errors.RateLimitedError,
        "rate limited",
        _WAITS,
        frozenset(
            {
                *("rate_limit_exceeded", "rate_limit_error", "too_many_requests"),
                *("ratelimitreached", "resource_exhausted", "throttling", "throttlingexception"),
            }
        ),
        _only(429),
    ),
    Row(
        errors.ServerFaultError,
        "server fault{status}",
        _WAITS,
        frozenset(
            {
                *("server_error", "internal_error", "internal_server_error", "api_error"),
                *("overloaded_error", "engine_overloaded", "service_unavailable", "overloaded"),
                *("timeout", "timeout_error", "upstream_error", "bad_gateway", "unavailable"),
            }
        ),
        (*_only(408, 409, 425), range(500, 600)),
    ),
    Row(
        errors.RequestRejectedError,
        "the server redirects ({number}): set OPENAI_BASE_URL",
        "bars what the pack's requests have in common; where nothing is answered, stops the run",
        statuses=(range(300, 400),),
    ),
    Row(
        errors.RequestRejectedError,
        "the server rejects the request ({number})",
        "bars what the pack's requests have in common; where nothing is answered, stops the run",
        statuses=(range(400, 500),),
    ),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault as the table has it; wait: seconds that the body asks to wait, where it does."""

    kind: Kind
    words: str
    wait: float | None = None


def fault_of(
    status: int, raw: bytes, body: object, model: str, secrets: Iterable[str] = ()
) -> Fault | None:
    """Return what a reply's fault is, and None for a 2xx that names none.

    body: the reply's JSON, or None where it is not JSON. model: the one that was asked.
    """
    detail, said = _detail(body)
    codes = _codes(detail)
    numbers = [int(code) for code in codes if code.isdecimal() and len(code) == 3]
    is_error = not 200 <= status < 300
    statuses = ([status] if is_error else []) + [n for n in numbers if 300 <= n < 600]
    named = [row for row in TABLE if row.matches(codes, None)]
    # A number in the body is closer to the fault than the status of who passed it on; that a server
    # failed says less than any of them.
    row = next((row for row in named if row.kind is not errors.ServerFaultError), None)
    for number in reversed(statuses):
        row = row or next((row for row in TABLE if row.matches((), number)), None)
    row = row or next(iter(named), None)
    if row is None:
        if not is_error:
            return None
        row = TABLE[-1]
    number = statuses[0] if statuses else status
    shown = said or (raw[:300].decode("utf-8", "replace") if is_error else "") or "no explanation"
    means = row.means.format(model=model, number=number, status=f" {number}" if statuses else "")
    if row.kind is errors.RequestRejectedError and "logprob" in shown:
        shown += " (llm_logprobs: false asks without them)"
    return Fault(row.kind, f"{means}: {redact(shown, secrets)}", _wait(detail))


def _detail(body: object) -> tuple[Mapping[str, Any], str | None]:
    """Return the object that tells of the fault, and its words.

    Some servers send the error itself, some an object or a list around it, some a text; some put
    it into the first choice.
    """
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return {}, body if isinstance(body, str) else None
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (body, first if isinstance(first, dict) else {}):
        for name in ("error", "errors", "detail"):
            error = holder.get(name)
            if isinstance(error, list) and error:
                error = error[0]
            if isinstance(error, dict):
                return error, _text(error.get("message")) or _text(error.get("msg"))
            if isinstance(error, str) and error:
                return {**body, "error": None}, error
    return ({}, None) if choices else (body, _text(body.get("message")))


def _codes(detail: Mapping[str, Any]) -> list[str]:
    """Return the codes that a fault has, in lower case, its own and those of what is in it."""
    found = []
    for name in ("code", "type", "status"):
        value = detail.get(name)
        if isinstance(value, int | str) and not isinstance(value, bool):
            found.append(str(value).strip().lower())
    for name in ("innererror", "inner_error"):
        inner = detail.get(name)
        if isinstance(inner, dict):
            found += _codes(inner)
    metadata = detail.get("metadata")
    # A router says by these that its moderation flagged the prompt, with a 403.
    if isinstance(metadata, dict) and "flagged_input" in metadata:
        found.append("flagged_input")
    return found


def _wait(detail: Mapping[str, Any]) -> float | None:
    """Return the seconds until the limit that a body names is whole again."""
    metadata = detail.get("metadata")
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    if isinstance(headers, dict):
        named = {str(name).lower(): str(value) for name, value in headers.items()}
        if (seconds := asked_wait(named)) is not None:
            return seconds
    details = detail.get("details")
    for one in details if isinstance(details, list) else []:
        if isinstance(one, dict) and "retryDelay" in one:
            return parse_duration(str(one["retryDelay"]))
    return parse_duration(str(detail.get("retry_after") or ""))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
