"""What goes into the ledger and what comes out of it, as frozen values.

A request is what is known before it is sent; an attempt is one sending of it with what came back;
a cell's answer belongs to the attempt that brought it. Times are in UTC, money in US dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from jobforge.ledger.hashes import cell_key, question_key, review_id

__all__ = [
    "Answer",
    "AnsweredReply",
    "AskedCell",
    "AskedRequest",
    "AttemptRecord",
    "Batch",
    "BatchItem",
    "BatchState",
    "CellAnswer",
    "Fault",
    "HistoryKind",
    "HistoryPart",
    "ImportReport",
    "LedgerStats",
    "Recording",
    "Review",
    "ReviewDecision",
    "Source",
    "Why",
]

Outcome = Literal["answered", "refused"]
SendingMode = Literal["live", "batch"]
HistoryKind = Literal["layer", "changes"]
ReviewDecision = Literal["accept", "change", "cannot_say", "withdraw"]
Drawn = Literal["risk", "random", "chosen"]
BatchState = Literal[
    "preparing", "submitted", "collected", "expired", "cancelled", "failed", "abandoned"
]


@dataclass(frozen=True, slots=True)
class AskedCell:
    """One cell of a request, with its keys and what they are derived from."""

    attribute_id: str
    attribute_digest: str
    evidence_hash: str
    question_key: str
    cell_key: str


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """One job's attributes of one pack, as they are asked; known before anything is sent.

    parameters: canonical JSON, see `hashing.canonical_parameters`.
    schema_text: the reply's JSON schema, as it is sent.
    """

    job_id: str
    job_digest: str
    pack_id: str
    domain: str
    model: str
    parameters: str
    prompt_version: str
    instructions_hash: str
    schema_version: str
    system_text: str
    user_text: str
    schema_text: str
    cells: tuple[AskedCell, ...]
    estimated_prompt_tokens: int | None = None
    estimated_completion_tokens: int | None = None

    def __post_init__(self) -> None:
        if len({cell.attribute_id for cell in self.cells}) != len(self.cells):
            raise ValueError(f"a request for job {self.job_id!r} asks an attribute twice")

    def keys(self, attribute_digest: str) -> tuple[str, str]:
        """Return the question key and the cell key that belong to an attribute."""
        question = question_key(
            prompt_version=self.prompt_version,
            instructions_hash=self.instructions_hash,
            schema_version=self.schema_version,
            attribute_digest=attribute_digest,
            job_digest=self.job_digest,
        )
        return question, cell_key(question, self.model, self.parameters)


@dataclass(frozen=True, slots=True)
class CellAnswer:
    """What an attempt brought for one cell: an answer, or the model's refusal to give one."""

    attribute_id: str
    outcome: Outcome
    value: str | None = None
    confidence: float | None = None
    rationale: str | None = None

    def __post_init__(self) -> None:
        given = (self.value, self.confidence, self.rationale)
        at = f"the answer for {self.attribute_id!r}"
        if self.outcome == "refused" and given != (None, None, None):
            raise ValueError(f"{at}: a refusal has no value, confidence or rationale")
        if self.outcome == "answered" and None in given:
            raise ValueError(f"{at}: an answer has a value, a confidence and a rationale")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"{at}: a confidence is from 0 to 1")


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One sending of a request and what came of it; failed ones count, too.

    attempt_id: unique for ever; recording it again changes nothing. Collecting a batch twice must
        give the same ids, so derive them from the batch's local id and the item's custom id.
    run_id: the dbt invocation.
    status: what became of it, in one word of the sender's choice.
    cost_usd: None where the model's price is not known; price_as_of is the price's date.
    """

    attempt_id: str
    run_id: str
    mode: SendingMode
    request: AskedRequest
    status: str
    sent_at: datetime
    received_at: datetime | None = None
    answers: tuple[CellAnswer, ...] = ()
    http_status: int | None = None
    reason: str | None = None
    request_id: str | None = None
    model_returned: str | None = None
    system_fingerprint: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    price_as_of: date | None = None
    latency_ms: int | None = None
    raw_reply: str | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __post_init__(self) -> None:
        at = f"attempt {self.attempt_id!r}"
        if not (self.attempt_id and self.run_id and self.status):
            raise ValueError(f"{at}: an attempt has an id, a run and a status")
        if any(moment and moment.tzinfo is None for moment in (self.sent_at, self.received_at)):
            raise ValueError(f"{at}: a time has its zone")
        if self.answers and self.received_at is None:
            raise ValueError(f"{at}: what answers was received at some time")
        answered = any(answer.outcome == "answered" for answer in self.answers)
        if answered and not self.model_returned:
            raise ValueError(f"{at}: an answer names the model that gave it")
        ids = [answer.attribute_id for answer in self.answers]
        asked = {cell.attribute_id for cell in self.request.cells}
        if len(set(ids)) != len(ids) or not asked.issuperset(ids):
            raise ValueError(f"{at}: each asked attribute is answered at most once, and no other")


@dataclass(frozen=True, slots=True)
class Source:
    """Where answers come from: what all answers of one attempt share.

    reason: why the model refused, where it did.
    """

    attempt_id: str
    run_id: str
    job_id: str
    pack_id: str
    model_requested: str
    model_used: str | None
    prompt_version: str
    schema_version: str
    request_id: str | None
    reason: str | None
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """One settled cell: answered, or refused for its source's reason.

    stale: it was given on other evidence than that of the lookup.
    declined_at: when the model refused on that evidence, where it answered on other.
    """

    cell_key: str
    question_key: str
    evidence_hash: str
    attribute_id: str
    outcome: Outcome
    value: str | None
    confidence: float | None
    rationale: str | None
    row_hash: str
    source: Source
    stale: bool = False
    declined_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """An answer with the attempt that brought it: all that was said on both sides.

    texts_dropped_at: when the user message and the reply were dropped; both are empty then.
    """

    answer: Answer
    mode: SendingMode
    status: str
    parameters: str
    system_text: str
    user_text: str
    schema_text: str
    raw_reply: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    latency_ms: int | None
    sent_at: datetime
    texts_dropped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnsweredReply:
    """A reply as it came, with the values that were read from it, by the attribute's digest."""

    job_id: str
    model_used: str
    answered_at: datetime
    raw_reply: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch on its way: known here under its local id, at the provider under the others."""

    local_id: str
    run_id: str
    state: BatchState
    input_file_id: str | None
    api_batch_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One line of a batch: the request, and the id by which its result is known again.

    definitions: what is needed to read the reply, in the words of whoever sends it.
    """

    custom_id: str
    request: AskedRequest
    definitions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a person said of a cell, or a withdrawal of it.

    value: what the person holds to be true, None where that is not known. shown_value,
    shown_source, shown_model, shown_prompt_version: what the export showed, and of which model and
    prompt it was. drawn: how the cell came into the export, and weight: how
    many cells it stands for there. withdraws: the `review_id` that is taken back.
    """

    job_id: str
    attribute_id: str
    decision: ReviewDecision
    reviewer: str
    decided_at: datetime
    value: str | None = None
    reason: str | None = None
    export_id: str | None = None
    shown_value: str | None = None
    shown_source: str | None = None
    shown_model: str | None = None
    shown_prompt_version: str | None = None
    drawn: Drawn | None = None
    weight: float | None = None
    withdraws: str | None = None

    @property
    def said(self) -> str:
        """The decision in words, with its value where it has one."""
        return " ".join(filter(None, (self.decision.replace("_", " "), self.value)))

    @property
    def review_id(self) -> str:
        """What makes it this review: the same said again of the same export is no other."""
        return review_id(
            self.export_id,
            self.job_id,
            self.attribute_id,
            self.reviewer,
            self.decision,
            self.value,
            self.reason,
            self.withdraws,
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the ledger, or in a file to import, that does not hold."""

    table: str
    key: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import brought: counts of new and of known rows, and what was left out and why."""

    new_attempts: int
    new_answers: int
    known_attempts: int
    faults: tuple[Fault, ...] = ()
    new_reviews: int = 0


@dataclass(frozen=True, slots=True)
class LedgerStats:
    """The ledger in figures; `location` shows no password."""

    location: str
    schema_version: int
    bytes: int
    attempts: int
    runs: int
    answered: int
    refused: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float
    claims: int
    open_batches: int
    pending_cells: int


@dataclass(frozen=True, slots=True)
class HistoryPart:
    """One part of a recording, without its content; `row_hash` covers both and the part before.

    sequence: number of the recording in its history; part: number of the part in its recording.
    row_count: rows of the content.
    """

    history: str
    sequence: int
    part: int
    kind: HistoryKind
    dbt_invocation_id: str
    recorded_at: datetime
    row_count: int
    row_hash: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What one run recorded of gold: all parts of one sequence."""

    history: str
    sequence: int
    kind: HistoryKind
    dbt_invocation_id: str
    recorded_at: datetime
    row_count: int
