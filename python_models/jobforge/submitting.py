"""Batches on their way up: filled one after the other, noted, uploaded and begun.

A batch is in the ledger before it is uploaded, and its cells are nobody else's from then on: a run
that dies at any moment can neither lose it nor let it be sent twice.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jobforge import errors
from jobforge.batch_api import BatchApi, RemoteBatch
from jobforge.batch_files import BatchDraft, definitions
from jobforge.bookkeeping import Bookkeeper
from jobforge.budget import Budget, Denied, Reservation
from jobforge.claiming import Claims
from jobforge.collecting import batch_key
from jobforge.executor import INTERRUPTED, Form
from jobforge.forms import RequestForms
from jobforge.interrupting import Interrupted, interruptible
from jobforge.ledger import BatchItem, Ledger
from jobforge.outcomes import CellOutcome
from jobforge.prices import Usage
from jobforge.questions import KeyedRequest
from jobforge.settling import Settled

__all__ = ["BatchSender", "waiting"]

# The server may have begun the batch, or not.
_UNCERTAIN = (
    errors.ConnectionFailedError,
    errors.TimedOutError,
    errors.ServerFaultError,
    errors.UnreadableReplyError,
)


def waiting(keyed: KeyedRequest, reason: str) -> Settled:
    """Return a request all of whose cells wait, for a reason."""
    return Settled(keyed, dict.fromkeys(keyed.cells, CellOutcome("awaiting_llm", reason)), ())


@dataclass(frozen=True, slots=True)
class _Part:
    """A request in the draft, and the budget's consent to it."""

    keyed: KeyedRequest
    reservation: Reservation


class _NotBegunError(Exception):
    """The provider has not begun a batch, and why."""


class _UnknownError(Exception):
    """Nobody knows whether the provider has begun a batch, and why."""


class BatchSender:
    """Sends batches; one of these for a run.

    budget: what may be spent, at the price of batches. stop: once it is set nothing is sent.
    may_go_on: whether a cap that only worst cases reach may let more through later.

    closed: why nothing more is sent, or None. fatal: the same, where it is a fault and no cap.
    held_back: why something was not sent that may be sent later.
    begun: the batches that were sent.
    """

    def __init__(
        self,
        forms: RequestForms,
        ledger: Ledger,
        claims: Claims,
        bookkeeper: Bookkeeper,
        budget: Budget,
        api: BatchApi,
        run_id: str,
        log: Callable[[str], None],
        stop: threading.Event,
        *,
        may_go_on: bool,
    ) -> None:
        self.closed: str | None = None
        self.fatal: str | None = None
        self.held_back: str | None = None
        self.begun: set[str] = set()
        self._forms = forms
        self._ledger = ledger
        self._claims = claims
        self._bookkeeper = bookkeeper
        self._budget = budget
        self._api = api
        self._run_id = run_id
        self._log = log
        self._stop = stop
        self._may_go_on = may_go_on
        self._draft = BatchDraft()
        self._parts: list[_Part] = []
        self._sent: dict[str, Reservation] = {}

    def put(self, keyed: KeyedRequest) -> Iterator[Settled]:
        """Add a claimed request; yield what is to be said of it, or of those before it."""
        form = self._forms.of(keyed.pack).form(keyed.request)
        if self._parts and not self._draft.has_room(form.body):
            yield from self.flush()
        reason = self._add(keyed, form)
        if reason is not None:
            self._claims.give_up(cell.cell_key for cell in keyed.cells.values())
            yield waiting(keyed, reason)

    def flush(self) -> Iterator[Settled]:
        """Send what was added, and yield what is to be said of it."""
        draft, parts = self._draft, self._parts
        if parts:
            self._draft, self._parts = BatchDraft(), []
            reason = self._send(draft, parts)
            for part in parts:
                yield waiting(part.keyed, reason)

    def settle(self, attempt_id: str, usage: Usage | None) -> None:
        """Put what a request of a batch took in place of its worst case."""
        reservation = self._sent.pop(attempt_id, None)
        if reservation is not None:
            self._budget.settle(reservation, usage)

    def close(self) -> None:
        """Delete what was not sent."""
        self._draft.close()

    def _add(self, keyed: KeyedRequest, form: Form) -> str | None:
        """Add a request to the draft; return why it is not added."""
        if self._stop.is_set() or self.closed:
            return self.closed or INTERRUPTED
        consent = self._budget.reserve(form.estimate)
        if isinstance(consent, Denied):
            # What is in batches may cost less than its worst case, and others be smaller.
            if consent.too_large or (consent.passing and self._may_go_on):
                self.held_back = consent.reason
            else:
                self._close(consent.reason)
            return consent.reason
        asked = self._bookkeeper.asked(keyed, form)
        needed = definitions(keyed.pack.attribute(name) for name in keyed.cells)
        self._draft.add(BatchItem(self._draft.next_id, asked, needed), form.body)
        self._parts.append(_Part(keyed, consent))
        return None

    def _send(self, draft: BatchDraft, parts: list[_Part]) -> str:
        """Send a batch; return what is to be said of its cells."""
        if self._stop.is_set():
            draft.close()
            return self._dropped(parts, INTERRUPTED)
        local_id = f"jobforge-{uuid.uuid4().hex[:16]}"
        key = batch_key(local_id)
        self._claims.take_key(key)
        self.begun.add(local_id)
        self._ledger.begin_batch(local_id, self._run_id, draft.items)
        try:
            remote = self._begin(local_id, draft)
        except _NotBegunError as error:
            self._ledger.finish_batch(local_id, "failed")
            return self._dropped(parts, str(error))
        except _UnknownError as error:
            self._close(str(error))
            return str(error)
        finally:
            draft.close()
            self._claims.give_up([key])
        for item, part in zip(draft.items, parts, strict=True):
            self._sent[f"{local_id}:{item.custom_id}"] = part.reservation
        self._log(
            f"LLM: batch {local_id} ({remote.batch_id}) has {len(draft.items):,} requests,"
            f" {draft.bytes / 1e6:,.1f} MB; a later run with llm_mode: batch collects it"
        )
        return f"in batch {local_id}: a later run collects it"

    def _begin(self, local_id: str, draft: BatchDraft) -> RemoteBatch:
        """Upload and begin a batch; raises _NotBegunError, or _UnknownError where nobody knows."""
        file_id: str | None = None
        try:
            file_id = interruptible(self._stop, self._api.upload, draft.path, f"{local_id}.jsonl")
            self._ledger.set_batch(local_id, input_file_id=file_id)
            remote = interruptible(self._stop, self._api.create, file_id, local_id)
        except (errors.ApiError, errors.ReplyError) as error:
            if file_id is None or not isinstance(error, _UNCERTAIN):
                self.fatal = str(error)
                raise _NotBegunError(self.fatal) from None
            self.fatal = f"batch {local_id} has begun or not, a later run finds out: {error}"
            raise _UnknownError(self.fatal) from None
        except Interrupted:
            if file_id is None:
                raise _NotBegunError(INTERRUPTED) from None
            raise _UnknownError(
                f"in batch {local_id} or not, a later run finds out: the run was interrupted"
            ) from None
        self._ledger.set_batch(local_id, state="submitted", api_batch_id=remote.batch_id)
        return remote

    def _dropped(self, parts: list[_Part], reason: str) -> str:
        """Give back the budget's consents; nothing more is sent."""
        for part in parts:
            self._budget.cancel(part.reservation)
        self._close(reason)
        return reason

    def _close(self, reason: str) -> None:
        if self.closed is None:
            self.closed = reason
            self._log(f"LLM: no further batch is sent: {reason}")
