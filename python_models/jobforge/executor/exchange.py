"""One request out and its reply in: the attempt that is recorded, and what to make of it."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from jobforge import errors
from jobforge.completions import Completion, Reply, read_completion
from jobforge.executor.state import RunState
from jobforge.executor.work import Attempt, AttemptStatus, Form, Purpose, WorkItem
from jobforge.limiter import retry_after
from jobforge.replies import BadCell, GoodCell
from jobforge.transport import Transport

__all__ = ["Cells", "Error", "Exchange", "Exchanged", "Question", "read_reply", "status_of"]

Error = errors.ApiError | errors.ReplyError
Cells = Mapping[str, GoodCell | BadCell]
_STATUSES: tuple[tuple[type[Exception], AttemptStatus], ...] = (
    (errors.RefusedError, "refused"),
    (errors.TruncatedError, "truncated"),
    (errors.EmptyReplyError, "empty"),
    (errors.UnreadableReplyError, "unreadable"),
    (errors.RateLimitedError, "rate_limited"),
    (errors.ServerFaultError, "server_fault"),
    (errors.ConnectionFailedError, "no_connection"),
    (errors.TimedOutError, "timed_out"),
    (errors.RequestTooLongError, "too_long"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """Some of an item's cells, to be asked for in one request.

    may_repeat: whether what does not hold in the reply may be asked for once more.
    """

    item: WorkItem
    attribute_ids: tuple[str, ...]
    purpose: Purpose = "first"
    may_repeat: bool = True


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What came of one sending.

    error: why there is no answer, or None. wait: the seconds that the server asks to wait.
    """

    attempt: Attempt
    error: Error | None
    headers: Mapping[str, str]
    wait: float | None


class Exchange:
    """Sends forms through a transport and reads what comes back.

    model: what is asked for, for messages. secrets: what no message may show.
    """

    def __init__(
        self, transport: Transport, state: RunState, *, model: str, secrets: Iterable[str] = ()
    ) -> None:
        self._transport = transport
        self._state = state
        self._model = model
        self._secrets = tuple(secrets)
        # One random part a run: asking the system for each attempt is slow in a container.
        self._run = uuid.uuid4().hex
        self._count = itertools.count(1)

    async def send(self, question: Question, form: Form, number: int) -> Exchanged:
        """Send once; a run that is interrupted cuts it off, and the attempt says so."""
        sent_at, started = datetime.now(UTC), time.perf_counter()
        reply, error, interrupted = await self._reply(form)
        latency = reply.latency if reply else time.perf_counter() - started
        completion: Completion | None = None
        cells: Cells = {}
        if reply is not None:
            read = partial(question.item.read, attribute_ids=question.attribute_ids)
            completion, cells, error = read_reply(reply, self._model, self._secrets, read)
        attempt = Attempt(
            attempt_id=f"{self._run}-{next(self._count)}",
            item=question.item,
            attribute_ids=question.attribute_ids,
            purpose=question.purpose,
            number=number,
            form=form,
            sent_at=sent_at,
            received_at=datetime.now(UTC),
            latency=latency,
            status="interrupted" if interrupted else status_of(error),
            reason=str(error) if error else None,
            http_status=reply.status if reply else error.status if error else None,
            request_id=completion.request_id if completion else None,
            model=completion.model if completion else None,
            fingerprint=completion.fingerprint if completion else None,
            usage=completion.usage if completion else None,
            raw_reply=reply.body if reply else None,
            cells=cells,
        )
        headers = reply.headers if reply else {}
        return Exchanged(attempt, error, headers, retry_after(headers))

    async def _reply(self, form: Form) -> tuple[Reply | None, Error | None, bool]:
        scope = self._state.scope()
        try:
            async with scope:
                return await self._transport.send(form.body), None, False
        except TimeoutError:
            return None, None, True
        except (errors.ApiError, errors.ReplyError) as error:
            return None, error, False
        finally:
            self._state.leave(scope)


def read_reply(
    reply: Reply, model: str, secrets: Iterable[str], read: Callable[[str], Cells]
) -> tuple[Completion, Cells, Error | None]:
    """Return a reply's evidence, the cells of its answer, and why there is none.

    read: gives the cells of a content, or raises UnreadableReplyError.
    """
    completion = read_completion(reply, model, secrets)
    if completion.content is None:
        return completion, {}, completion.error
    try:
        return completion, read(completion.content), None
    except errors.UnreadableReplyError as error:
        return completion, {}, error


def status_of(error: Error | None) -> AttemptStatus:
    """Return what the ledger calls an attempt that ended so."""
    if error is None:
        return "answered"
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), "rejected")
