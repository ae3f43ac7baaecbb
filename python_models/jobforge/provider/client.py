"""The way to ask a server one question and wait for the answer.

The raw reply is read by `completions`: openai's own `.parse` passes an empty list of choices in
silence and loses the evidence of a reply that it cannot read.

openai is imported at the first use: a run that asks nothing does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobforge import errors
from jobforge.provider.completions import Reply, read_completion
from jobforge.provider.connection import Connection
from jobforge.redaction import redact
from jobforge.settings import Settings

if TYPE_CHECKING:
    import httpx2
    import openai

__all__ = [
    "Answer",
    "ChatClient",
    "get_reply",
    "openai_client",
    "request_parameters",
    "translate_errors",
]

_RETRIES = 2
# As many as OpenAI gives: a scale has up to 21 values.
_TOP_LOGPROBS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """The text of a reply and where it came from."""

    content: str
    model: str
    request_id: str | None


def request_parameters(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Return what every request of a run has beside its messages and its schema."""
    limit: str = settings.max_tokens_parameter
    if limit == "auto":
        limit = "max_completion_tokens" if connection.is_openai else "max_tokens"
    return {
        "model": settings.model,
        limit: settings.max_output_tokens,
        **settings.answer_parameters,
        **({"logprobs": True, "top_logprobs": _TOP_LOGPROBS} if settings.logprobs else {}),
    }


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
        completion = read_completion(reply, model, self._connection.secrets)
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


def openai_client(
    connection: Connection, timeout_seconds: float, *, of_account: bool = False
) -> openai.OpenAI:
    """Return openai's client for a server; faults that pass are tried again twice.

    of_account: for files, batches and the list of models.
    """
    import openai

    def authorize(request: httpx2.Request) -> None:
        del request.headers["Authorization"]
        request.headers.update(connection.auth_headers)

    return openai.OpenAI(
        api_key=connection.api_key,
        base_url=connection.account_address if of_account else connection.address,
        default_query=connection.query,
        max_retries=_RETRIES,
        timeout=timeout_seconds,
        http_client=openai.DefaultHttpxClient(event_hooks={"request": [authorize]}),
    )


def get_reply(call: Callable[[], Any], connection: Connection, timeout_seconds: float) -> Reply:
    """Return the reply to a raw call of the openai client, of any status, without secrets.

    Raises what `translate_errors` raises where there is none.
    """
    import openai

    with translate_errors(connection, timeout_seconds):
        try:
            response = call().http_response
        except openai.APIStatusError as error:
            response = error.response
    latency = response.elapsed.total_seconds()
    reply = Reply(response.status_code, response.headers, response.content, latency)
    return reply.without(connection.secrets)


@contextmanager
def translate_errors(connection: Connection, timeout_seconds: float) -> Iterator[None]:
    """Raise ConnectionFailedError, TimedOutError or UnreadableReplyError where no reply comes.

    Replies that are errors leave as openai's APIStatusError.
    """
    import httpx2
    import openai

    def said(error: Exception) -> str:
        return redact(str(error.__cause__ or "") or str(error), connection.secrets)

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
