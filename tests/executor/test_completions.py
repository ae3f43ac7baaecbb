"""A reply, read: the answer's text or the one reason why there is none, with its tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jobforge import errors
from jobforge.money.prices import Usage
from jobforge.provider.completions import Reply, read_completion


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
            "prompt_tokens_details": {"cached_tokens": 64},
        },
    }


def test_an_answer_comes_with_its_evidence() -> None:
    """Content, model, request id, fingerprint and tokens, the cached ones among them."""
    read = read_completion(reply(answer("{}"), x_request_id="req_9"), "model-1")
    assert (read.content, read.error) == ("{}", None)
    assert (read.model, read.request_id, read.fingerprint) == ("model-2", "req_9", "fp_1")
    assert read.usage == Usage(prompt_tokens=100, completion_tokens=20, cached_tokens=64)


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
    assert read.usage == Usage(prompt_tokens=100, completion_tokens=20, cached_tokens=64)


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
        (502, errors.EmptyReplyError),
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
