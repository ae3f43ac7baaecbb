"""Batches on their way up: filled one after the other, noted, uploaded and begun.

A batch is in the ledger before it is uploaded, and its cells are nobody else's from then on: a run
that dies at any moment can neither lose it nor let it be sent twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from jobforge import errors
from jobforge.answers.follow_up import Error
from jobforge.answers.known import Settled
from jobforge.answers.outcomes import CellOutcome
from jobforge.answers.run import Run
from jobforge.batch.files import BatchDraft, definitions
from jobforge.batch.state import BatchRun, batch_key
from jobforge.ledger import BatchItem
from jobforge.money.budget import Denied, Reservation, Reservations
from jobforge.provider.batch_api import BatchApi, RemoteBatch
from jobforge.provider.interruption import Interrupted, interruptible
from jobforge.reasons import INTERRUPTED, Reason, ReasonCode, reason_of
from jobforge.requests.forms import Form
from jobforge.requests.keys import KeyedRequest

__all__ = ["BatchSender", "waiting"]

# The server may have begun the batch, or not.
_UNCERTAIN = (
    errors.ConnectionFailedError,
    errors.TimedOutError,
    errors.ServerFaultError,
    errors.UnreadableReplyError,
)


def waiting(keyed: KeyedRequest, reason: Reason) -> Settled:
    """Return a request all of whose cells wait, for a reason."""
    return Settled(keyed, dict.fromkeys(keyed.cells, CellOutcome("awaiting_llm", reason)), ())


@dataclass(frozen=True, slots=True)
class _Part:
    """A request in the draft, and the budget's consent to it."""

    keyed: KeyedRequest
    reservation: Reservation


class _UnsentError(Exception):
    """A batch was not sent as far as anybody knows, and why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


class _NotBegunError(_UnsentError):
    """The provider has not begun a batch."""


class _UnknownError(_UnsentError):
    """Nobody knows whether the provider has begun a batch."""


class BatchSender:
    """Sends batches; one of these for a run.

    state: is told what was sent, and why nothing more is. reservations: gets the budget's consents
    to what was sent, until it is collected.
    """

    def __init__(
        self, run: Run, *, api: BatchApi, state: BatchRun, reservations: Reservations
    ) -> None:
        self._run = run
        self._api = api
        self._state = state
        self._reservations = reservations
        self._draft = BatchDraft()
        self._parts: list[_Part] = []

    def put(self, keyed: KeyedRequest, form: Form) -> Iterator[Settled]:
        """Add a claimed request; yield what is to be said of it, or of those before it."""
        if self._parts and not self._draft.has_room(form.body):
            yield from self.flush()
        reason = self._add(keyed, form)
        if reason is not None:
            self._run.claims.give_up(cell.cell_key for cell in keyed.cells.values())
            yield waiting(keyed, reason)

    def flush(self) -> Iterator[Settled]:
        """Send what was added, and yield what is to be said of it."""
        draft, parts = self._draft, self._parts
        if parts:
            self._draft, self._parts = BatchDraft(), []
            reason = self._send(draft, parts)
            for part in parts:
                yield waiting(part.keyed, reason)

    def close(self) -> None:
        """Delete what was not sent."""
        self._draft.close()

    def _add(self, keyed: KeyedRequest, form: Form) -> Reason | None:
        """Add a request to the draft; return why it is not added."""
        if self._run.stop.is_set() or self._state.closed:
            return self._state.closed or INTERRUPTED
        consent = self._run.budget.reserve(form.estimate)
        if isinstance(consent, Denied):
            # What is in batches may cost less than its worst case, and others be smaller.
            if consent.too_large or (consent.passing and self._run.settings.batch_wait_seconds > 0):
                self._state.hold_back(consent.reason)
            else:
                self._state.close(consent.reason)
            return consent.reason
        asked = self._run.books.asked(keyed, form)
        needed = definitions(keyed.pack.attribute(name) for name in keyed.cells)
        self._draft.add(BatchItem(self._draft.next_id, asked, needed), form.body)
        self._parts.append(_Part(keyed, consent))
        return None

    def _send(self, draft: BatchDraft, parts: list[_Part]) -> Reason:
        """Send a batch; return what is to be said of its cells."""
        if self._run.stop.is_set():
            draft.close()
            return self._drop(parts, INTERRUPTED)
        local_id = f"jobforge-{uuid.uuid4().hex[:16]}"
        key = batch_key(local_id)
        self._run.claims.take_key(key)
        self._state.awaited.add(local_id)
        self._run.ledger.begin_batch(local_id, self._run.run_id, draft.items)
        try:
            remote = self._begin(local_id, draft)
        except _NotBegunError as error:
            self._run.ledger.finish_batch(local_id, "failed")
            return self._drop(parts, error.reason)
        except _UnknownError as error:
            self._state.close(error.reason)
            return error.reason
        finally:
            draft.close()
            self._run.claims.give_up([key])
        for item, part in zip(draft.items, parts, strict=True):
            self._reservations.keep(f"{local_id}:{item.custom_id}", part.reservation)
        self._run.log(
            f"LLM: batch {local_id} ({remote.batch_id}) has {len(draft.items):,} requests,"
            f" {draft.bytes / 1e6:,.1f} MB; a later run with llm_mode: batch collects it"
        )
        return Reason(ReasonCode.IN_BATCH, f"in batch {local_id}: a later run collects it")

    def _begin(self, local_id: str, draft: BatchDraft) -> RemoteBatch:
        """Upload and begin a batch; raises _NotBegunError, or _UnknownError where nobody knows."""
        file_id: str | None = None
        try:
            file_id = interruptible(
                self._run.stop, self._api.upload, draft.path, f"{local_id}.jsonl"
            )
            self._run.ledger.set_batch(local_id, input_file_id=file_id)
            remote = interruptible(self._run.stop, self._api.create, file_id, local_id)
        except (errors.ApiError, errors.ReplyError) as error:
            if file_id is None or not isinstance(error, _UNCERTAIN):
                reason = _not_begun(error)
                self._state.fail(reason)
                raise _NotBegunError(reason) from None
            unknown = Reason(
                ReasonCode.BATCH_UNCERTAIN,
                f"batch {local_id} has begun or not, a later run finds out: {error}",
            )
            self._state.fail(unknown)
            raise _UnknownError(unknown) from None
        except Interrupted:
            if file_id is None:
                raise _NotBegunError(INTERRUPTED) from None
            text = f"in batch {local_id} or not, a later run finds out: the run was interrupted"
            raise _UnknownError(Reason(ReasonCode.BATCH_UNCERTAIN, text)) from None
        self._run.ledger.set_batch(local_id, state="submitted", api_batch_id=remote.batch_id)
        return remote

    def _drop(self, parts: list[_Part], reason: Reason) -> Reason:
        """Give back the budget's consents; nothing more is sent."""
        for part in parts:
            self._run.budget.cancel(part.reservation)
        self._state.close(reason)
        return reason


def _not_begun(error: Error) -> Reason:
    """Return why a batch was not begun: what every call would meet has its own code."""
    if isinstance(error, errors.FatalApiError):
        return reason_of(error)
    return Reason(ReasonCode.BATCH_NOT_BEGUN, str(error))
