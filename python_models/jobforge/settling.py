"""Cells that need not be asked: the ledger, or a recording, has their answer, or a batch will.

What is settled keeps the provenance of the day on which it was given. Live runs look for the very
model and parameters; runs that ask nobody take the answer of any model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobforge.ledger import Answer, AskedCell, Ledger
from jobforge.outcomes import CellOutcome
from jobforge.questions import KeyedRequest
from jobforge.recorded import Recording

__all__ = ["KeptAnswers", "Settled", "Settler", "StoredAnswers", "outcome_of"]

REFUSED_REASON = "refused: the model declined earlier (llm_reask_refused asks again)"


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of some requests: outcomes by attribute id, and what is left to ask."""

    keyed: KeyedRequest
    outcomes: dict[str, CellOutcome]
    open_ids: tuple[str, ...]


class Settler(Protocol):
    """Whatever knows answers before anybody is asked."""

    def settle(self, requests: Sequence[KeyedRequest]) -> list[Settled]:
        """Return each request with the outcomes of its settled cells."""


class KeptAnswers:
    """The ledger's answers of the model that a run would ask; what waits in a batch is settled.

    reask_stale: leaves cells open whose answer was given on other evidence.
    reask_refused: leaves cells open that the model refused.
    """

    def __init__(
        self, ledger: Ledger, *, reask_stale: bool = False, reask_refused: bool = False
    ) -> None:
        self._ledger = ledger
        self._reask_stale = reask_stale
        self._reask_refused = reask_refused
        self._in_batches: dict[str, CellOutcome] = {}

    def settle(self, requests: Sequence[KeyedRequest]) -> list[Settled]:
        """Return each request with the outcomes of its settled cells."""
        evidence = {
            cell.cell_key: cell.evidence_hash for keyed in requests for cell in keyed.cells.values()
        }
        answers = self._ledger.lookup(evidence, evidence)
        settled = {key: answer for key, answer in answers.items() if self._holds(answer)}
        waiting = self._ledger.pending_cells(key for key in evidence if key not in settled)

        def outcome(cell: AskedCell) -> CellOutcome | None:
            if cell.cell_key in settled:
                return outcome_of(settled[cell.cell_key])
            if cell.cell_key in waiting:
                return self._in_batch(waiting[cell.cell_key])
            return None

        return [_settled(keyed, outcome) for keyed in requests]

    def _in_batch(self, local_id: str) -> CellOutcome:
        if local_id not in self._in_batches:
            names = {batch.local_id: batch for batch in self._ledger.open_batches()}
            begun = f" since {names[local_id].created_at:%Y-%m-%d}" if local_id in names else ""
            reason = f"in batch {local_id}{begun}: a later run collects it"
            self._in_batches[local_id] = CellOutcome("awaiting_llm", reason)
        return self._in_batches[local_id]

    def _holds(self, answer: Answer) -> bool:
        if answer.outcome == "refused":
            return not self._reask_refused
        return not (answer.stale and self._reask_stale)


class StoredAnswers:
    """Answers of any model: the ledger's, where there is one, before a recording's."""

    def __init__(self, ledger: Ledger | None, recording: Recording | None) -> None:
        self._ledger = ledger
        self._recording = recording

    def settle(self, requests: Sequence[KeyedRequest]) -> list[Settled]:
        """Return each request with the outcomes of its settled cells."""
        answers: dict[str, Answer] = {}
        if self._ledger is not None:
            answers = self._ledger.lookup_questions(_question_keys(requests))
        settled = []
        for keyed in requests:

            def outcome(cell: AskedCell, keyed: KeyedRequest = keyed) -> CellOutcome | None:
                answer = answers.get(cell.question_key)
                if answer is not None:
                    return outcome_of(answer)
                if self._recording is None:
                    return None
                attribute = keyed.pack.attribute(cell.attribute_id)
                return self._recording.outcome(cell.question_key, attribute)

            settled.append(_settled(keyed, outcome))
        return settled


def outcome_of(answer: Answer) -> CellOutcome:
    """Return the outcome that an answer or refusal of the ledger is."""
    source = answer.source
    if answer.outcome == "refused":
        return CellOutcome(
            "refused",
            source.reason or REFUSED_REASON,
            model_requested=source.model_requested,
            request_id=source.request_id,
        )
    return CellOutcome(
        "answered",
        value=answer.value,
        confidence=answer.confidence,
        rationale=answer.rationale,
        model_requested=source.model_requested,
        model_used=source.model_used,
        prompt_version=source.prompt_version,
        request_id=source.request_id,
        imputed_at=source.answered_at,
        is_stale=answer.stale,
        run_id=source.run_id,
    )


class _Outcome(Protocol):
    def __call__(self, cell: AskedCell) -> CellOutcome | None: ...


def _settled(keyed: KeyedRequest, outcome: _Outcome) -> Settled:
    outcomes = {}
    open_ids = []
    for name, cell in keyed.cells.items():
        found = outcome(cell)
        if found is None:
            open_ids.append(name)
        else:
            outcomes[name] = found
    return Settled(keyed, outcomes, tuple(open_ids))


def _question_keys(requests: Iterable[KeyedRequest]) -> list[str]:
    return [cell.question_key for keyed in requests for cell in keyed.cells.values()]
