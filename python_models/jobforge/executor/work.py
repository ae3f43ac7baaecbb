"""What the executor works on and what it gives out, and the seams to its neighbours.

It does not know prompts, schemas, what a token costs or a store: a WorkItem forms and reads
requests, a Budget says what may be sent, a Recorder makes what came back durable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from jobforge.budget import Denied, Reservation
from jobforge.outcomes import OutcomeKind
from jobforge.prices import Usage
from jobforge.replies import BadCell, GoodCell

__all__ = [
    "Attempt",
    "AttemptStatus",
    "Budget",
    "CameBack",
    "CellResult",
    "Denied",
    "Estimate",
    "Finished",
    "Form",
    "Purpose",
    "Recorder",
    "Reservation",
    "Texts",
    "WorkItem",
]

Purpose = Literal["first", "split", "again", "alone"]
AttemptStatus = Literal[
    "answered",
    "refused",
    "truncated",
    "empty",
    "unreadable",
    "rate_limited",
    "server_fault",
    "no_connection",
    "timed_out",
    "too_long",
    "rejected",
    "interrupted",
]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The tokens that a request will take, in and out: as expected, and at the very most."""

    prompt_tokens: int
    completion_tokens: int
    largest_prompt_tokens: int
    largest_completion_tokens: int


@dataclass(frozen=True, slots=True)
class Texts:
    """A request in its parts, as a store keeps them."""

    system: str
    user: str
    schema: str


@dataclass(frozen=True, slots=True)
class Form:
    """A request, ready to send, what it will take, and its texts."""

    body: bytes = field(repr=False)
    estimate: Estimate
    texts: Texts = field(repr=False)


class WorkItem(Protocol):
    """One request to be made: some cells that are asked together."""

    @property
    def key(self) -> str:
        """What names the item in messages."""

    @property
    def group(self) -> str:
        """What items have in common that a server may reject as such: the pack."""

    @property
    def attribute_ids(self) -> tuple[str, ...]:
        """The cells to ask for."""

    def form(self, attribute_ids: tuple[str, ...]) -> Form:
        """Return the request that asks for these of the cells."""

    def read(
        self, content: str, attribute_ids: tuple[str, ...]
    ) -> Mapping[str, GoodCell | BadCell]:
        """Return each of these cells; raises UnreadableReplyError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBack:
    """What came of one sending: of an attempt of the executor, or of a request of a batch.

    usage: None where nobody said, so that the server may have worked for nothing.
    cells: what an answer gave, by attribute id. http_status is None without a reply.
    """

    attribute_ids: tuple[str, ...]
    status: AttemptStatus
    reason: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    usage: Usage | None = None
    raw_reply: bytes | None = field(default=None, repr=False)
    cells: Mapping[str, GoodCell | BadCell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(CameBack):
    """One request that was sent, and what came of it. Every one is recorded.

    purpose: why it was sent: `first`; `split`, a half of what was truncated; `again`, the whole of
    what could not be read; `alone`, one cell that was left out or did not hold. number: 1 for the
    first sending of this request, 2 for the first retry.
    """

    attempt_id: str
    item: WorkItem
    purpose: Purpose
    number: int
    form: Form
    sent_at: datetime
    received_at: datetime
    latency: float


@dataclass(frozen=True, slots=True)
class CellResult:
    """What became of one cell: the answer where there is one, and the attempt that tells."""

    outcome: OutcomeKind
    reason: str | None = None
    answer: GoodCell | None = None
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """An item that is done with: every one of its cells, in its order."""

    item: WorkItem
    cells: Mapping[str, CellResult]


class Recorder(Protocol):
    """Whatever makes attempts durable."""

    async def record(self, attempt: Attempt) -> None:
        """Return once the attempt cannot be lost any more; an error ends the run."""


class Budget(Protocol):
    """Whatever says how much may be sent. It is asked from one thread only."""

    def reserve(self, estimate: Estimate) -> Reservation | Denied:
        """Consent to one sending at its worst case, beside all that is in flight, or refuse."""

    def settle(self, reservation: Reservation, usage: Usage | None) -> object:
        """Put what was used in place of the worst case; None where that is not known."""

    def cancel(self, reservation: Reservation) -> None:
        """Give back a consent that was not used: nothing was sent."""
