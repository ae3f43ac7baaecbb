"""Every error that JobForge raises, in one tree.

    JobForgeError
    ├── SettingsError            a setting has no meaning              (also a ValueError)
    ├── InputError               an input row breaks its contract      (also a ValueError)
    ├── MissingKeyError          no API key is set                     (also a ValueError)
    ├── FatalRunError            a run ended early, for a fault that every further call would meet
    ├── InterruptedRunError      a run was told to stop
    ├── ApiError                 the server did not give a reply
    │   ├── FatalApiError        every further request would fail in the same way
    │   │   ├── KeyRejectedError         such as 401
    │   │   ├── UnknownModelError        such as 404
    │   │   ├── QuotaExhaustedError      such as 402, or insufficient_quota
    │   │   └── RequestRejectedError     400 and other 4xx: schema or parameter refused
    │   ├── RequestTooLongError  this one request does not fit the model
    │   └── TransientApiError    another try later may work
    │       ├── RateLimitedError         429
    │       ├── ServerFaultError         408, 409, 5xx
    │       ├── ConnectionFailedError    no connection, or a broken one
    │       └── TimedOutError
    └── ReplyError               the server replied, but not with an answer
        ├── RefusedError         the model or a content filter declined
        ├── TruncatedError       the reply ended at the token limit
        ├── UnbegunError         it did before the answer began
        ├── EmptyReplyError      no choices, or no content
        └── UnreadableReplyError not the JSON that was asked for

Which of a server's words are which error: the table in `provider/faults`.

An error carries its evidence (HTTP status, request id) and never a secret: messages that come from
a server pass through `redaction.redact` before they get here. Nothing in an error's words is hidden
or steers a terminal.
"""

from __future__ import annotations

from jobforge.redaction import visible

__all__ = [
    "ApiError",
    "ConnectionFailedError",
    "EmptyReplyError",
    "FatalApiError",
    "FatalRunError",
    "InputError",
    "InterruptedRunError",
    "JobForgeError",
    "KeyRejectedError",
    "MissingKeyError",
    "QuotaExhaustedError",
    "RateLimitedError",
    "RefusedError",
    "ReplyError",
    "RequestRejectedError",
    "RequestTooLongError",
    "ServerFaultError",
    "SettingsError",
    "TimedOutError",
    "TransientApiError",
    "TruncatedError",
    "UnbegunError",
    "UnknownModelError",
    "UnreadableReplyError",
]


class JobForgeError(Exception):
    """Anything that JobForge itself raises."""

    def __str__(self) -> str:
        return visible(super().__str__())


class SettingsError(JobForgeError, ValueError):
    """A setting has no meaning; the message names it and what it may be."""


class InputError(JobForgeError, ValueError):
    """An input row breaks the input contract; the message names the row."""


class MissingKeyError(JobForgeError, ValueError):
    """No API key is set; the message names the variable to set."""


class FatalRunError(JobForgeError):
    """A run ended early, for a fault that every further call would meet; says what to do."""


class InterruptedRunError(JobForgeError):
    """A run was told to stop; says what has become of its answers."""


class _ServerError(JobForgeError):
    """An error with the server's evidence."""

    def __init__(
        self, message: str, *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class ApiError(_ServerError):
    """The server did not give a reply."""


class FatalApiError(ApiError):
    """Every further request would fail in the same way: stop sending."""


class KeyRejectedError(FatalApiError):
    """The server does not accept the key."""


class UnknownModelError(FatalApiError):
    """The server does not know the model, or the address is not an API's."""


class QuotaExhaustedError(FatalApiError):
    """The account has no credit left."""


class RequestRejectedError(FatalApiError):
    """The server refuses the request's form: its schema or a parameter (400 and other 4xx)."""


class RequestTooLongError(ApiError):
    """This one request does not fit the model's context."""


class TransientApiError(ApiError):
    """Another try later may work."""


class RateLimitedError(TransientApiError):
    """Too many requests (429)."""


class ServerFaultError(TransientApiError):
    """The server failed (408, 409, 5xx)."""


class ConnectionFailedError(TransientApiError):
    """No connection could be made, or it broke."""


class TimedOutError(TransientApiError):
    """No reply came in time."""


class ReplyError(_ServerError):
    """The server replied, but not with an answer."""


class RefusedError(ReplyError):
    """The model or a content filter declined to answer."""


class TruncatedError(ReplyError):
    """The reply ended at the token limit."""


class UnbegunError(ReplyError):
    """The reply ended at the token limit before the answer began: smaller requests do not help."""


class EmptyReplyError(ReplyError):
    """The reply has no choices or no content."""


class UnreadableReplyError(ReplyError):
    """The reply is not the JSON that was asked for."""
