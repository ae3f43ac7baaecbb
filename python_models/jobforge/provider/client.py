"""Which server is asked, and the way to ask it one question and wait for the answer.

The raw reply is read by `completions`: openai's own `.parse` passes an empty list of choices in
silence and loses the evidence of a reply that it cannot read. The API key and the address come
from OPENAI_API_KEY and OPENAI_BASE_URL.

openai is imported at the first use: a run that asks nothing does not wait for it.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobforge import errors
from jobforge.provider.completions import Reply, read_completion
from jobforge.redaction import redact
from jobforge.settings import Settings

if TYPE_CHECKING:
    import openai

__all__ = [
    "Answer",
    "ChatClient",
    "Connection",
    "get_reply",
    "openai_client",
    "request_parameters",
    "translate_errors",
]

_OPENAI_ADDRESS = "https://api.openai.com/v1"
_PLACEHOLDER_KEY = "no-key"
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """The text of a reply and where it came from."""

    content: str
    model: str
    request_id: str | None


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
        if "@" in urlsplit(base_url).netloc:
            raise errors.SettingsError(
                "OPENAI_BASE_URL has a user or a password in it: give a key as OPENAI_API_KEY"
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
    ) -> Answer:
        """Send one request and return the reply's text; raises ApiError or ReplyError."""
        model = self._settings.model
        reply = self._send(
            {
                **request_parameters(self._connection, self._settings),
                "messages": list(messages),
                "response_format": dict(response_format),
            }
        )
        completion = read_completion(reply, model, [self._connection.api_key])
        if completion.content is None:
            assert completion.error is not None
            raise completion.error
        return Answer(completion.content, completion.model or model, completion.request_id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self._settings.model!r})"

    @cached_property
    def _openai(self) -> openai.OpenAI:
        return openai_client(self._connection, self._settings.timeout_seconds)

    def _send(self, request: Mapping[str, Any]) -> Reply:
        """Return a reply of any status, as `Transport.send` does; raises where there is none."""
        completions = self._openai.chat.completions.with_raw_response
        return get_reply(
            lambda: completions.create(**request), self._connection, self._settings.timeout_seconds
        )


def openai_client(connection: Connection, timeout_seconds: float) -> openai.OpenAI:
    """Return openai's client for a server; faults that pass are tried again twice."""
    import openai

    return openai.OpenAI(
        api_key=connection.api_key,
        base_url=connection.base_url,
        max_retries=_RETRIES,
        timeout=timeout_seconds,
    )


def get_reply(call: Callable[[], Any], connection: Connection, timeout_seconds: float) -> Reply:
    """Return the reply to a raw call of the openai client, of any status.

    Raises what `translate_errors` raises where there is none.
    """
    import openai

    with translate_errors(connection, timeout_seconds):
        try:
            response = call().http_response
        except openai.APIStatusError as error:
            response = error.response
    latency = response.elapsed.total_seconds()
    return Reply(response.status_code, response.headers, response.content, latency)


@contextmanager
def translate_errors(connection: Connection, timeout_seconds: float) -> Iterator[None]:
    """Raise ConnectionFailedError, TimedOutError or UnreadableReplyError where no reply comes.

    Replies that are errors leave as openai's APIStatusError.
    """
    import httpx2
    import openai

    def said(error: Exception) -> str:
        return redact(str(error.__cause__ or "") or str(error), [connection.api_key])

    try:
        yield
    except openai.APIStatusError:
        raise
    except (openai.APITimeoutError, httpx2.TimeoutException):
        raise errors.TimedOutError(f"no reply within {timeout_seconds:g} seconds") from None
    except (openai.APIConnectionError, httpx2.HTTPError) as error:
        raise errors.ConnectionFailedError(f"no connection: {said(error)}") from None
    except openai.APIError as error:
        raise errors.UnreadableReplyError(f"unreadable: {said(error)}") from None


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        return False
