"""A reply, read: the answer's text or the one reason why there is none, with its tokens."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from jobforge import errors
from jobforge.money.prices import Usage
from jobforge.provider.completions import Reply, read_completion
from jobforge.provider.faults import TABLE


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """A reply with that body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, raw, 0.1)


def answer(content: Any = "{}", finish: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return {
        "id": "chatcmpl-1",
        "model": "model-2",
        "system_fingerprint": "fp_1",
        "choices": [{"message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 32},
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
    }


def test_an_answer_comes_with_its_evidence() -> None:
    """Content, model, request id, fingerprint and tokens, the cached ones among them."""
    read = read_completion(reply(answer("{}"), x_request_id="req_9"), "model-1")
    assert (read.content, read.error) == ("{}", None)
    assert (read.model, read.request_id, read.fingerprint) == ("model-2", "req_9", "fp_1")
    assert read.usage == Usage(100, 20, 64, 32, 12)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (answer(None, refusal="I cannot"), errors.RefusedError),
        (answer("", "content_filter"), errors.RefusedError),
        (answer('{"a', "length"), errors.TruncatedError),
        (answer(""), errors.EmptyReplyError),
        (answer(None), errors.EmptyReplyError),
        (answer(["x"]), errors.EmptyReplyError),
        ({**answer(), "choices": []}, errors.EmptyReplyError),
        ({**answer(), "choices": "none"}, errors.EmptyReplyError),
        ({**answer(), "choices": [None]}, errors.EmptyReplyError),
    ],
)
def test_what_is_no_answer_has_its_reason_and_its_tokens(
    body: dict[str, Any], error: type[Exception]
) -> None:
    """Refused, truncated and empty replies are errors, and their tokens count."""
    read = read_completion(reply(body), "m")
    assert read.content is None
    assert type(read.error) is error
    assert read.usage == Usage(100, 20, 64, 32, 12)


@pytest.mark.parametrize("raw", [b"<html>", b"", b"\xff\xfe", b"[" * 100_000, b"[1]", b"null"])
def test_what_is_no_completion_is_no_crash(raw: bytes) -> None:
    """Bytes that are no JSON object are unreadable or empty."""
    error = read_completion(reply(raw), "m").error
    assert isinstance(error, errors.UnreadableReplyError | errors.EmptyReplyError)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": "bad"}}, errors.KeyRejectedError),
        (403, {"error": {"message": "bad"}}, errors.KeyRejectedError),
        (404, {"error": {"message": "bad"}}, errors.UnknownModelError),
        (429, {"error": {"code": "insufficient_quota"}}, errors.QuotaExhaustedError),
        (429, {"error": {"type": "insufficient_quota"}}, errors.QuotaExhaustedError),
        (429, {"error": "slow down"}, errors.RateLimitedError),
        (429, b"slow down", errors.RateLimitedError),
        (400, {"error": {"code": "context_length_exceeded"}}, errors.RequestTooLongError),
        (400, {"type": "exceed_context_size_error"}, errors.RequestTooLongError),
        (413, b"", errors.RequestTooLongError),
        (400, {"error": {"code": "content_filter"}}, errors.RefusedError),
        (400, {"error": {"message": "schema"}}, errors.RequestRejectedError),
        (422, {"error": {"message": "schema"}}, errors.RequestRejectedError),
        (302, b"", errors.RequestRejectedError),
        (408, b"", errors.ServerFaultError),
        (409, b"", errors.ServerFaultError),
        (500, b"<html>", errors.ServerFaultError),
        (529, {"error": {"message": "overloaded"}}, errors.ServerFaultError),
    ],
)
def test_every_status_is_one_of_our_errors(
    status: int, body: Any, kind: type[errors.JobForgeError]
) -> None:
    """A status maps to one error, with the status on it; it took no tokens."""
    read = read_completion(reply(body, status), "m")
    assert type(read.error) is kind
    assert read.error.status == status
    assert read.usage == Usage()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_quota", errors.QuotaExhaustedError),
        ("invalid_api_key", errors.KeyRejectedError),
        ("model_not_found", errors.UnknownModelError),
        (502, errors.ServerFaultError),
        ("429", errors.RateLimitedError),
        ("no_such_code", errors.EmptyReplyError),
    ],
)
def test_an_error_with_status_200_is_what_its_code_says(code: Any, kind: type[Exception]) -> None:
    """A known code in place of choices counts as its status; beside choices it counts nothing."""
    error = {"error": {"message": "no", "code": code}}
    assert type(read_completion(reply(error), "m").error) is kind
    assert read_completion(reply(error | {"choices": []}), "m").error is not None
    assert read_completion(reply(answer("{}") | error), "m").content == "{}"


@pytest.mark.parametrize("odd", [None, -5, True, "700", 7.5, 10**30, float("nan")])
def test_tokens_that_make_no_sense_are_unknown(odd: Any) -> None:
    """What is no count is not 0, so that a cap takes the worst case in its place."""
    body = answer()
    for name in ("prompt_tokens", "completion_tokens"):
        body["usage"] = {"prompt_tokens": 100, "completion_tokens": 20, name: odd}
        assert read_completion(reply(body), "m").usage is None
    body["usage"] = {"prompt_tokens": 100.0, "completion_tokens": 20}
    body["usage"]["prompt_tokens_details"] = {"cached_tokens": odd}
    assert read_completion(reply(body), "m").usage == Usage(100, 20)
    del body["usage"]
    assert read_completion(reply(body), "m").usage is None


def test_names_are_in_letters_that_every_database_takes() -> None:
    """Half a surrogate, a NUL or a line break in what a server calls something is harmless."""
    body = {**answer(), "model": "m\ud800\x00\n\x1b[0m", "system_fingerprint": "\ud800"}
    read = read_completion(reply(body), "m")
    assert (read.model, read.fingerprint) == ("m? [0m", "?")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (402, {"error": {"message": "Insufficient Balance"}}, errors.QuotaExhaustedError),
        (400, {"error": {"code": "billing_hard_limit_reached"}}, errors.QuotaExhaustedError),
        (
            403,
            {"error": {"code": 403, "metadata": {"reasons": ["x"], "flagged_input": "y"}}},
            errors.RefusedError,
        ),
        (403, {"error": {"code": "model_not_found"}}, errors.UnknownModelError),
        (400, {"error": {"code": "json_validate_failed"}}, errors.UnreadableReplyError),
        (
            400,
            {"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            errors.RefusedError,
        ),
        (400, [{"error": {"status": "RESOURCE_EXHAUSTED", "code": 429}}], errors.RateLimitedError),
        (422, {"detail": [{"msg": "field required"}]}, errors.RequestRejectedError),
        (422, {"error": {"type": "server_error"}}, errors.RequestRejectedError),
        (200, {"choices": [{"error": {"code": 429}}]}, errors.RateLimitedError),
        (200, {"error": {"code": "rate_limit_exceeded"}}, errors.RateLimitedError),
        (200, {"error": {"type": "overloaded_error"}}, errors.ServerFaultError),
        (200, {"error": {"message": "who knows"}}, errors.EmptyReplyError),
    ],
)
def test_a_code_says_more_than_the_status(status: int, body: Any, kind: type[Exception]) -> None:
    """In words or as a number, in the body, in its first choice or in what lies in it."""
    assert type(read_completion(reply(body, status), "m").error) is kind


def test_every_row_of_the_table_of_faults_is_met() -> None:
    """By each of its codes and each of its statuses, in a body and in a 200."""
    for row in TABLE:
        for code in row.codes:
            met = read_completion(reply({"error": {"code": code.upper()}}), "m").error
            assert type(met) is row.kind, code
        for statuses in row.statuses:
            edges = (statuses.start, statuses.stop - 1)
            for status in edges if row.kind is not errors.RequestRejectedError else edges[:1]:
                assert type(read_completion(reply(b"", status), "m").error) is row.kind, status


def test_the_page_has_the_table_of_faults() -> None:
    """`docs/models.md` says what a server's words mean, as the code has it."""
    page = (Path(__file__).parents[2] / "docs/models.md").read_text(encoding="utf-8")
    assert fault_table() in page, fault_table()


def fault_table() -> str:
    """The table as Markdown."""
    lines = ["| codes | status | what the run does |", "|---|---|---|"]
    for row in TABLE:
        codes = ", ".join(f"`{code}`" for code in sorted(row.codes)) or "any other"
        statuses = ", ".join(
            str(one.start) if len(one) == 1 else f"{one.start} to {one.stop - 1}"
            for one in row.statuses
        )
        lines.append(f"| {codes} | {statuses} | {row.becomes} |")
    return "\n".join(lines)


def test_a_reset_in_the_body_is_waited_for() -> None:
    """As routers hand on what their providers say: a moment, or a duration."""
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int((time.time() + 90) * 1000))}
    body = {"error": {"code": 429, "metadata": {"headers": reset}}}
    wait = read_completion(reply(body, 429), "m").wait
    assert wait is not None
    assert 60 < wait <= 91
    delay = {"error": {"code": 429, "details": [{"retryDelay": "34s"}]}}
    assert read_completion(reply(delay, 429), "m").wait == 34
    assert read_completion(reply({"error": {"code": 429}}, 429), "m").wait is None


def test_a_content_in_parts_is_read() -> None:
    """Its texts are put together, and thoughts are left out."""
    parts = [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "{"}, {"text": "}"}]
    body = {"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}
    assert read_completion(reply(body), "m").content == "{}"


def test_a_reply_that_never_began_says_what_took_its_tokens() -> None:
    """It reached the limit without a letter of the answer."""
    body = answer("", "length") | {
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 4096,
            "completion_tokens_details": {"reasoning_tokens": 4096},
        }
    }
    error = read_completion(reply(body), "m").error
    assert type(error) is errors.UnbegunError
    assert "4,096 tokens of it on reasoning; raise llm_max_output_tokens" in str(error)
