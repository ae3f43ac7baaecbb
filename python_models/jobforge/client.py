"""The only place that speaks to a model's server, and the only one that imports openai.

It sends one chat completions request and gives back the text of the reply, or raises one of
JobForge's errors. It checks the raw reply: openai's own `.parse` passes an empty list of choices
in silence and loses the evidence of a reply that it cannot read. The API key and the address come
from OPENAI_API_KEY and OPENAI_BASE_URL and stay in here.

openai is imported at the first use: a run that asks nothing does not wait for it.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import urlsplit

from jobforge import errors
from jobforge.redaction import redact
from jobforge.settings import Settings

if TYPE_CHECKING:
    import openai

__all__ = [
    "ChatClient",
    "Completion",
    "CompletionClient",
    "Connection",
    "request_parameters",
]

_OPENAI_ADDRESS = "https://api.openai.com/v1"
_PLACEHOLDER_KEY = "no-key"
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class Completion:
    """The text of a reply and where it came from."""

    content: str
    model: str
    request_id: str | None


class CompletionClient(Protocol):
    """Whatever can complete a request: the real client, or a test's own."""

    @property
    def takes_text_bounds(self) -> bool:
        """Whether the server takes bounds of texts and numbers in a strict schema."""

    def complete(
        self, messages: Sequence[Mapping[str, str]], response_format: Mapping[str, Any]
    ) -> Completion:
        """Send one request; raises ApiError or ReplyError."""


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """Where to send, and the key, which is never shown."""

    base_url: str
    api_key: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({redact(self.base_url, [self.api_key])!r})"

    @classmethod
    def from_environment(cls, api_key: str | None = None) -> Connection | None:
        """Return the connection that the environment names, or None where it names none.

        A server without a key of its own gets a placeholder. Raises SettingsError for an address
        or a key that cannot be used.
        """
        key = (api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        base_url = (os.environ.get("OPENAI_BASE_URL") or "").strip()
        if not key and not base_url:
            return None
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise errors.SettingsError("OPENAI_API_KEY has characters that no key has")
        if base_url and not _is_address(base_url):
            raise errors.SettingsError(
                "OPENAI_BASE_URL is not an address such as http://127.0.0.1:8080/v1"
            )
        return cls(base_url or _OPENAI_ADDRESS, key or _PLACEHOLDER_KEY)

    @property
    def is_openai(self) -> bool:
        """Whether the server is OpenAI's or Azure's own."""
        host = urlsplit(self.base_url).hostname or ""
        return f".{host}".endswith((".openai.com", ".azure.com"))

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def request_parameters(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Return what every request of a run has beside its messages and its schema."""
    limit: str = settings.max_tokens_parameter
    if limit == "auto":
        limit = "max_completion_tokens" if connection.is_openai else "max_tokens"
    parameters: dict[str, Any] = {"model": settings.model, limit: settings.max_output_tokens}
    if settings.temperature is not None:
        parameters["temperature"] = settings.temperature
    return parameters


class ChatClient:
    """Sends chat completions requests, one at a time.

    Faults that pass are tried again twice by the openai client, which waits as the server asks.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings

    @property
    def takes_text_bounds(self) -> bool:
        """Whether the server takes bounds of texts and numbers in a strict schema."""
        return self._settings.bounds_texts(self._connection.is_local)

    def complete(
        self, messages: Sequence[Mapping[str, str]], response_format: Mapping[str, Any]
    ) -> Completion:
        """Send one request and return the reply's text; raises ApiError or ReplyError."""
        import openai

        parameters = request_parameters(self._connection, self._settings)
        parameters["messages"] = list(messages)
        parameters["response_format"] = dict(response_format)
        try:
            raw = self._openai.chat.completions.with_raw_response.create(**parameters)
        except openai.APIError as error:
            self._raise(error)
        return self._completion(raw.http_response.text, raw.headers.get("x-request-id"))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self._settings.model!r})"

    @cached_property
    def _openai(self) -> openai.OpenAI:
        import openai

        return openai.OpenAI(
            api_key=self._connection.api_key,
            base_url=self._connection.base_url,
            max_retries=_RETRIES,
            timeout=self._settings.timeout_seconds,
        )

    def _redact(self, text: str) -> str:
        return redact(text, [self._connection.api_key])

    def _completion(self, body: str, request_id: str | None) -> Completion:
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError):
            raise errors.UnreadableReplyError(
                "unreadable: the server's reply is not JSON", request_id=request_id
            ) from None
        reply = _mapping(reply)
        request_id = request_id or _text(reply.get("id"))
        choices = reply.get("choices")
        choice = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
        message = _mapping(choice.get("message"))
        finish = _text(choice.get("finish_reason"))
        refusal = _text(message.get("refusal"))
        content = _text(message.get("content"))
        if not choice:
            said = _text(_mapping(reply.get("error")).get("message")) or "the reply has no choices"
            raise errors.EmptyReplyError(f"empty: {self._redact(said)}", request_id=request_id)
        if refusal:
            raise errors.RefusedError(f"refused: {self._redact(refusal)}", request_id=request_id)
        if finish == "content_filter":
            raise errors.RefusedError("refused: content filter", request_id=request_id)
        if finish == "length":
            raise errors.TruncatedError(
                "truncated: the reply reached llm_max_output_tokens"
                f" ({self._settings.max_output_tokens})",
                request_id=request_id,
            )
        if not content or not content.strip():
            raise errors.EmptyReplyError("empty: the reply has no content", request_id=request_id)
        return Completion(content, _text(reply.get("model")) or self._settings.model, request_id)

    def _raise(self, error: openai.APIError) -> NoReturn:
        """Raise our error for an openai error; the mapping is complete."""
        import openai

        said = self._redact(error.message)
        if isinstance(error, openai.APITimeoutError):
            seconds = f"{self._settings.timeout_seconds:g}"
            raise errors.TimedOutError(f"no reply within {seconds} seconds") from None
        if isinstance(error, openai.APIConnectionError):
            cause = self._redact(str(error.__cause__ or "")) or said
            raise errors.ConnectionFailedError(f"no connection: {cause}") from None
        if not isinstance(error, openai.APIStatusError):
            raise errors.UnreadableReplyError(f"unreadable: {said}") from None
        kind, words = self._kind(error.status_code, error.code or "", error.type or "", said)
        raise kind(words, status=error.status_code, request_id=error.request_id) from None

    def _kind(
        self, status: int, code: str, type_: str, said: str
    ) -> tuple[type[errors.ApiError | errors.ReplyError], str]:
        model = self._settings.model
        if status in (401, 403):
            return (
                errors.KeyRejectedError,
                f"the server rejects the key, set OPENAI_API_KEY: {said}",
            )
        if status == 404:
            return (
                errors.UnknownModelError,
                f"the server does not know the model {model!r} (set llm_model, it may have been"
                f" retired) or OPENAI_BASE_URL is not an API's address: {said}",
            )
        if status == 429:
            if "insufficient_quota" in (code, type_):
                return errors.QuotaExhaustedError, f"the account has no credit left: {said}"
            return errors.RateLimitedError, f"rate limited: {said}"
        if status in (408, 409) or status >= 500:
            return errors.ServerFaultError, f"server fault {status}: {said}"
        if status == 413 or code in _TOO_LONG or type_ in _TOO_LONG:
            return errors.RequestTooLongError, f"the request is too long for {model!r}: {said}"
        if code == "content_filter":
            return errors.RefusedError, f"refused: {said}"
        return errors.RequestRejectedError, f"the server rejects the request ({status}): {said}"


_TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
