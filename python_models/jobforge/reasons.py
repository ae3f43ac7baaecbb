"""Why a cell has no answer: a code from a closed list, and beside it a sentence for people.

What the program decides, it decides by the code; the sentence says what is the matter and what to
do, and may change. `seeds/reference/fill_reason_codes.csv` is the same list for SQL. One fault can
leave cells in two ways: a key that is rejected lets a live run's cells wait, and is what became of
the requests of a batch that met it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobforge import errors

__all__ = ["INTERRUPTED", "Reason", "ReasonCode", "code_of", "reason_of"]

_WAITS = ("awaiting_llm",)
_FAILED = ("failed",)
_EITHER = ("awaiting_llm", "failed")


class ReasonCode(StrEnum):
    """The closed list; statuses: how a cell with that code can have ended."""

    meaning: str
    statuses: tuple[str, ...]

    def __new__(cls, code: str, statuses: tuple[str, ...], meaning: str) -> ReasonCode:
        one = str.__new__(cls, code)
        one._value_ = code
        one.statuses = statuses
        one.meaning = meaning
        return one

    NOT_ASKED_YET = "not_asked_yet", _WAITS, "The cell was not given to the model's stage."
    MODE_OFF = "mode_off", _WAITS, "llm_mode is off."
    MODE_PLAN = "mode_plan", _WAITS, "llm_mode is plan, which only says what asking would cost."
    NOT_RECORDED = "not_recorded", _WAITS, "llm_mode is replay and the recording has no answer."
    NO_CONNECTION = "no_connection", _WAITS, "No model is set, neither a key nor an address."
    CAP_CALLS = "cap_calls", _WAITS, "The run reached llm_max_calls."
    CAP_TOKENS = "cap_tokens", _WAITS, "The run reached llm_max_tokens."
    CAP_COST = "cap_cost", _WAITS, "The run reached llm_max_cost_usd."
    TOO_LARGE_TOKENS = (
        *("too_large_tokens", _WAITS),
        "The request alone could exceed llm_max_tokens; smaller ones were sent.",
    )
    TOO_LARGE_COST = (
        *("too_large_cost", _WAITS),
        "The request alone could exceed llm_max_cost_usd; smaller ones were sent.",
    )
    IN_BATCH = "in_batch", _WAITS, "The cell is in a batch that a later run collects."
    BATCH_UNCERTAIN = (
        *("batch_uncertain", _WAITS),
        "The batch has begun or not; a later run finds out.",
    )
    BATCH_NOT_BEGUN = "batch_not_begun", _WAITS, "The batch could not be sent."
    BATCH_REFUSED = "batch_refused", _WAITS, "The provider refused a batch as a whole."
    NO_RESULT_IN_BATCH = (
        *("no_result_in_batch", _WAITS),
        "The batch ended without having asked for the cell; the next run sends it.",
    )
    OTHER_RUN = "other_run", _WAITS, "Another run is asking for the cell."
    INTERRUPTED = "interrupted", _WAITS, "The run was interrupted before the cell was asked for."
    RUN_FAILED = "run_failed", _WAITS, "The run broke off for a fault of its own."
    FAULTS_IN_A_ROW = (
        *("faults_in_a_row", _WAITS),
        "Too many requests in a row failed, so that nothing more was sent.",
    )
    UNREAD_IN_A_ROW = (
        *("unread_in_a_row", _WAITS),
        "Too many replies in a row could not be read, so that nothing more was sent.",
    )
    FRUITLESS_IN_A_ROW = (
        *("fruitless_in_a_row", _WAITS),
        "Reply after reply had no answer that holds, so that nothing more was sent.",
    )
    SERVER_ASKS_TO_WAIT = (
        *("server_asks_to_wait", _WAITS),
        "The server asks to wait longer than a request may take.",
    )
    KEY_REJECTED = "key_rejected", _EITHER, "The server rejects the key."
    MODEL_UNKNOWN = "model_unknown", _EITHER, "The server does not know the model or the address."
    QUOTA_EXHAUSTED = "quota_exhausted", _EITHER, "The account has no credit left."
    REQUEST_REJECTED = (
        *("request_rejected", _EITHER),
        "The server refuses the request's schema or a parameter.",
    )
    REFUSED = "refused", ("refused",), "The model or a content filter declined to answer."
    TRUNCATED = "truncated", _FAILED, "The reply ended at llm_max_output_tokens."
    UNBEGUN = (
        "unbegun",
        _FAILED,
        "The reply ended at llm_max_output_tokens before the answer began.",
    )
    EMPTY = "empty", _FAILED, "The reply has no content."
    UNREADABLE = "unreadable", _FAILED, "The reply is not the JSON that was asked for."
    LEFT_OUT = "left_out", _FAILED, "The reply leaves the attribute out."
    ANSWER_MALFORMED = (
        *("answer_malformed", _FAILED),
        "The answer lacks a part, or its confidence or rationale does not hold.",
    )
    VALUE_OFF_TYPE = (
        *("value_off_type", _FAILED),
        "The value is not one that the attribute can have.",
    )
    REQUEST_TOO_LONG = "request_too_long", _FAILED, "The request does not fit the model."
    SECRET_IN_PROMPT = "secret_in_prompt", _FAILED, "The request would show a key to the model."
    SECRET_IN_DEFINITION = (
        *("secret_in_definition", _FAILED),
        "The attribute's definition would show a key to the model.",
    )
    RATE_LIMITED = "rate_limited", _FAILED, "The server's rate limit refused every try."
    SERVER_FAULT = "server_fault", _FAILED, "The server failed at every try."
    CONNECTION_FAILED = "connection_failed", _FAILED, "No connection could be made, or it broke."
    TIMED_OUT = "timed_out", _FAILED, "No reply came in time."
    FAILED_TWICE = (
        *("failed_twice", _FAILED),
        "The very same request failed in the same way twice before; it is not bought again.",
    )
    OTHER_FAULT = "other_fault", _FAILED, "The server gave no answer, for a fault without a name."
    # Decided in SQL, of cells that are never given to the package.
    VALUE_SET_ASIDE = (
        *("value_set_aside", ("set_aside",)),
        "A value that was given for the cell stands in quarantine.",
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no answer: `code` for programs, `text` for people."""

    code: ReasonCode
    text: str

    def __str__(self) -> str:
        return self.text


INTERRUPTED = Reason(ReasonCode.INTERRUPTED, "the run was interrupted: run it again")

_CODES: tuple[tuple[type[Exception], ReasonCode], ...] = (
    (errors.KeyRejectedError, ReasonCode.KEY_REJECTED),
    (errors.UnknownModelError, ReasonCode.MODEL_UNKNOWN),
    (errors.QuotaExhaustedError, ReasonCode.QUOTA_EXHAUSTED),
    (errors.RequestRejectedError, ReasonCode.REQUEST_REJECTED),
    (errors.RequestTooLongError, ReasonCode.REQUEST_TOO_LONG),
    (errors.RateLimitedError, ReasonCode.RATE_LIMITED),
    (errors.ServerFaultError, ReasonCode.SERVER_FAULT),
    (errors.ConnectionFailedError, ReasonCode.CONNECTION_FAILED),
    (errors.TimedOutError, ReasonCode.TIMED_OUT),
    (errors.RefusedError, ReasonCode.REFUSED),
    (errors.TruncatedError, ReasonCode.TRUNCATED),
    (errors.UnbegunError, ReasonCode.UNBEGUN),
    (errors.EmptyReplyError, ReasonCode.EMPTY),
    (errors.UnreadableReplyError, ReasonCode.UNREADABLE),
)


def code_of(error: errors.ApiError | errors.ReplyError) -> ReasonCode:
    """Return the code of what a server said or did not say."""
    kinds = (code for kind, code in _CODES if isinstance(error, kind))
    return next(kinds, ReasonCode.OTHER_FAULT)


def reason_of(error: errors.ApiError | errors.ReplyError) -> Reason:
    """Return an error as the reason of the cells that met it."""
    return Reason(code_of(error), str(error))
