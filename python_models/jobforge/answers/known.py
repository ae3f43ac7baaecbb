"""Cells that need not be asked: the ledger, or a recording, has their answer, or a batch will.

What is settled keeps the provenance of the day on which it was given. Live runs look for the very
model and parameters; runs that ask nobody take the answer of any model.

A schema is written in one of two ways, each with a version of its own that is in a cell's key. The
same is asked either way, so what has no answer under a run's own version is looked up under the
other one: whoever changes the setting pays for nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobforge.answers.outcomes import CellOutcome
from jobforge.answers.recorded import Recording
from jobforge.ledger import Answer, AskedCell
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.forms import Form
from jobforge.requests.inputs import Attribute
from jobforge.requests.keys import KeyedRequest, Keyer
from jobforge.requests.values import BadValueError, parse_value
from jobforge.settings import Settings

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["AskAgain", "KeptAnswers", "OtherCells", "Settled", "StoredAnswers", "outcome_of"]

_Outcome = Callable[[AskedCell, Attribute], CellOutcome | None]
_Look = Callable[[Iterable[AskedCell]], _Outcome]

REFUSED_REASON = "refused: the model declined earlier (llm_reask_refused asks again)"


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of some requests: outcomes by attribute id, and what is left to ask.

    form: the request for what is left, where it was made.
    """

    keyed: KeyedRequest
    outcomes: dict[str, CellOutcome]
    open_ids: tuple[str, ...]
    form: Form | None = None

    def split(self, ours: Set[str], others: CellOutcome | None = None) -> Settled:
        """Return the request with those of its open cells open whose keys are `ours`.

        others: the outcome of the rest; without one they are left out.
        """
        keys = self.keyed.cells
        mine = tuple(name for name in self.open_ids if keys[name].cell_key in ours)
        rest = [] if others is None else [name for name in self.open_ids if name not in mine]
        form = self.form if len(mine) == len(self.open_ids) else None
        outcomes = self.outcomes if others is None else self.outcomes | dict.fromkeys(rest, others)
        return Settled(self.keyed, outcomes, mine, form)


@dataclass(frozen=True, slots=True)
class AskAgain:
    """What is asked again although it is settled.

    stale: answers that were given on other evidence. refused_before: what was refused before then.
    """

    stale: bool = False
    refused_before: datetime | None = None

    @classmethod
    def of(cls, settings: Settings) -> AskAgain:
        """Return what a run that begins now asks again: not what it is refused itself."""
        now = datetime.now(UTC) if settings.reask_refused else None
        return cls(settings.reask_stale, now)


class OtherCells:
    """What counts of the other schema version, looked up for what has no answer under the own one.

    There is none where nothing was ever asked under it, which is found out once.
    """

    def __init__(
        self, keyer: Keyer, ledger: Ledger | None, recording: Recording | None = None
    ) -> None:
        version = keyer.other_schema_version
        there_are = version is not None and (
            bool(recording) or (ledger is not None and ledger.has_schema_version(version))
        )
        self._keyer = keyer if there_are else None

    def of(self, keyed: KeyedRequest, attribute_ids: Iterable[str]) -> dict[str, AskedCell]:
        """Return cells of a request as the other version knows them, by attribute."""
        return {} if self._keyer is None else self._keyer.otherwise(keyed, attribute_ids)

    def find(self, requests: Sequence[KeyedRequest], look: _Look) -> list[Settled]:
        """Return each request with what `look` finds of its cells, under either version."""
        outcome = look(cell for keyed in requests for cell in keyed.cells.values())
        found = [_settled(keyed, outcome) for keyed in requests]
        others = [self.of(one.keyed, (*one.open_ids, *_unanswered(one))) for one in found]
        if not any(others):
            return found
        outcome = look(cell for cells in others for cell in cells.values())
        return [_joined(one, cells, outcome) for one, cells in zip(found, others, strict=True)]


class KeptAnswers:
    """The ledger's answers of the model that a run would ask; what waits in a batch is settled.

    again: leaves these cells open. others: what counts beside the run's own schema version.
    awaited: gets the batches in which cells wait.
    """

    def __init__(
        self,
        ledger: Ledger,
        again: AskAgain,
        others: OtherCells,
        awaited: set[str] | None = None,
    ) -> None:
        self._ledger = ledger
        self._again = again
        self._others = others
        self._awaited = set() if awaited is None else awaited
        self._in_batches: dict[str, CellOutcome] = {}

    def find(self, requests: Sequence[KeyedRequest]) -> list[Settled]:
        """Return each request with the outcomes of its settled cells."""
        return self._others.find(requests, self._look)

    def _look(self, cells: Iterable[AskedCell]) -> _Outcome:
        evidence = _evidence(cells)
        answers = self._ledger.lookup(evidence, evidence)
        settled = {key: answer for key, answer in answers.items() if self._holds(answer)}
        waiting = self._ledger.pending_cells([key for key in evidence if key not in settled])

        def outcome(cell: AskedCell, attribute: Attribute) -> CellOutcome | None:
            if cell.cell_key in settled:
                return outcome_of(settled[cell.cell_key], attribute)
            if cell.cell_key in waiting:
                return self._in_batch(waiting[cell.cell_key])
            return None

        return outcome

    def in_place_of_none(self, settled: Settled) -> Settled:
        """Give the answer on other evidence where asking again brought none."""
        if not self._again.stale:
            return settled
        left = _unanswered(settled)
        if not left:
            return settled
        own = {name: settled.keyed.cells[name] for name in left}
        others = self._others.of(settled.keyed, left)
        evidence = _evidence((*own.values(), *others.values()))
        answers = self._ledger.lookup(evidence, evidence)
        outcomes = dict(settled.outcomes)
        for name, cell in (*others.items(), *own.items()):
            answer = answers.get(cell.cell_key)
            if answer is not None and answer.outcome == "answered":
                kept = outcome_of(answer, settled.keyed.pack.attribute(name))
                kept = kept.planned_as(settled.outcomes[name])
                outcomes[name] = replace(kept, question_key=cell.question_key)
        return Settled(settled.keyed, outcomes, settled.open_ids)

    def _in_batch(self, local_id: str) -> CellOutcome:
        if local_id not in self._in_batches:
            names = {batch.local_id: batch for batch in self._ledger.open_batches()}
            begun = f" since {names[local_id].created_at:%Y-%m-%d}" if local_id in names else ""
            text = f"in batch {local_id}{begun}: a later run collects it"
            reason = Reason(ReasonCode.IN_BATCH, text)
            self._in_batches[local_id] = CellOutcome("awaiting_llm", reason)
            self._awaited.add(local_id)
        return self._in_batches[local_id]

    def _holds(self, answer: Answer) -> bool:
        if answer.outcome == "refused":
            return not self._may_ask_again(answer.source.answered_at)
        if not (answer.stale and self._again.stale):
            return True
        return answer.declined_at is not None and not self._may_ask_again(answer.declined_at)

    def _may_ask_again(self, refused_at: datetime) -> bool:
        before = self._again.refused_before
        return before is not None and refused_at < before


class StoredAnswers:
    """Answers that need nobody: the ledger's, where there is one, before a recording's.

    others: what counts beside the run's own schema version. of_any_model: the ledger's answers of
    any model, or else of the very one that the keys are of.
    """

    def __init__(
        self,
        ledger: Ledger | None,
        recording: Recording | None,
        others: OtherCells,
        *,
        of_any_model: bool = True,
    ) -> None:
        self._ledger = ledger
        self._recording = recording
        self._others = others
        self._of_any_model = of_any_model

    def find(self, requests: Sequence[KeyedRequest]) -> list[Settled]:
        """Return each request with the outcomes of its settled cells."""
        return self._others.find(requests, self._look)

    def _look(self, cells: Iterable[AskedCell]) -> _Outcome:
        answers: dict[str, Answer] = {}
        if self._ledger is not None and self._of_any_model:
            answers = self._ledger.lookup_questions([cell.question_key for cell in cells])
        elif self._ledger is not None:
            evidence = _evidence(cells)
            answers = self._ledger.lookup(evidence, evidence)

        def outcome(cell: AskedCell, attribute: Attribute) -> CellOutcome | None:
            key = cell.question_key if self._of_any_model else cell.cell_key
            answer = answers.get(key)
            kept = None if answer is None else outcome_of(answer, attribute)
            if kept and self._of_any_model:
                # Found by its question: its evidence was compared with nothing.
                kept = replace(kept, is_stale=None)
            if self._recording is None or (kept and kept.outcome == "answered"):
                return kept
            return self._recording.outcome(cell.question_key, attribute) or kept

        return outcome


def outcome_of(answer: Answer, attribute: Attribute) -> CellOutcome:
    """Return the outcome that an answer or refusal of the ledger is.

    What an answer says is checked like a reply: a file can be changed by others. One that does not
    hold is failed, and is not asked again, as it was paid for.
    """
    source = answer.source
    if answer.outcome == "refused":
        return CellOutcome(
            "refused",
            Reason(ReasonCode.REFUSED, source.reason or REFUSED_REASON),
            model_requested=source.model_requested,
            request_id=source.request_id,
        )
    try:
        value = parse_value(attribute, answer.value or "")
    except BadValueError as error:
        text = (
            f"the ledger's answer does not hold, {error}: jobforge ledger verify tells what was"
            " changed; an export from before can be imported into an empty ledger"
        )
        return CellOutcome(
            "failed",
            Reason(ReasonCode.VALUE_OFF_TYPE, text),
            model_requested=source.model_requested,
            request_id=source.request_id,
        )
    return CellOutcome(
        "answered",
        value=value,
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


def _settled(keyed: KeyedRequest, outcome: _Outcome) -> Settled:
    outcomes = {}
    open_ids = []
    for name, cell in keyed.cells.items():
        found = outcome(cell, keyed.pack.attribute(name))
        if found is None:
            open_ids.append(name)
        else:
            outcomes[name] = found
    return Settled(keyed, outcomes, tuple(open_ids))


def _unanswered(settled: Settled) -> list[str]:
    return [name for name, one in settled.outcomes.items() if one.outcome != "answered"]


def _joined(settled: Settled, others: Mapping[str, AskedCell], outcome: _Outcome) -> Settled:
    """Return the request with what was found under the other version, where that is more."""
    outcomes = dict(settled.outcomes)
    for name, cell in others.items():
        found = outcome(cell, settled.keyed.pack.attribute(name))
        if found is None or (name in outcomes and found.outcome != "answered"):
            continue
        waits = found.outcome == "awaiting_llm"
        outcomes[name] = found if waits else replace(found, question_key=cell.question_key)
    open_ids = tuple(name for name in settled.open_ids if name not in outcomes)
    return Settled(settled.keyed, outcomes, open_ids)


def _evidence(cells: Iterable[AskedCell]) -> dict[str, str]:
    return {cell.cell_key: cell.evidence_hash for cell in cells}
