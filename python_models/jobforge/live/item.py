"""What a live run works on, and what it gives out: one request, and the result of each cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobforge.answers.attempts import Attempt
from jobforge.answers.follow_up import Purpose
from jobforge.answers.known import Settled
from jobforge.answers.outcomes import OutcomeKind
from jobforge.reasons import Reason
from jobforge.requests.dialects import SchemaForm
from jobforge.requests.forms import Form, PackForms
from jobforge.requests.inputs import Attribute
from jobforge.requests.keys import KeyedRequest
from jobforge.requests.replies import GoodCell

__all__ = ["CellResult", "Finished", "Item", "Question"]


@dataclass(frozen=True, slots=True)
class Item:
    """One job's missing attributes of a pack, claimed and to be asked.

    form: the whole request, where it was made already. lapses: how often claims had lapsed when its
    cells were claimed. settled: requests before it that ride along, and what is known of its own.
    """

    keyed: KeyedRequest
    forms: PackForms
    form: Form | None = None
    lapses: int = 0
    settled: tuple[Settled, ...] = ()

    @property
    def key(self) -> str:
        """The job and the pack."""
        return f"{self.keyed.request.job.job_id} {self.pack_id}"

    @property
    def pack_id(self) -> str:
        """What items have in common that a server may reject as such."""
        return self.keyed.request.pack_id

    @property
    def attribute_ids(self) -> tuple[str, ...]:
        """The cells to ask for."""
        return self.keyed.request.attribute_ids


@dataclass(frozen=True, slots=True)
class Question:
    """Some of an item's cells, to be asked for in one request.

    may_repeat: whether what does not hold in the reply may be asked for once more.
    """

    item: Item
    keyed: KeyedRequest
    purpose: Purpose = "first"
    may_repeat: bool = True

    @property
    def attribute_ids(self) -> tuple[str, ...]:
        """The cells to ask for."""
        return self.keyed.request.attribute_ids

    @property
    def attributes(self) -> list[Attribute]:
        """Their definitions."""
        return self.item.forms.attributes(self.attribute_ids)

    def form(self, schema_form: SchemaForm | None = None) -> Form:
        """Return the request that asks for them, with its schema written so."""
        made = self.item.form
        if made is None or self.keyed is not self.item.keyed:
            return self.item.forms.form(self.keyed.request, schema_form)
        if schema_form in (None, made.schema_form):
            return made
        return self.item.forms.form(self.keyed.request, schema_form)

    def part(self, attribute_ids: tuple[str, ...], purpose: Purpose, may_repeat: bool) -> Question:
        """Return the question after some of these cells."""
        return Question(self.item, self.keyed.only(attribute_ids), purpose, may_repeat)


@dataclass(frozen=True, slots=True)
class CellResult:
    """What became of one cell: the answer where there is one, and the attempt that tells."""

    outcome: OutcomeKind
    reason: Reason | None = None
    answer: GoodCell | None = None
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """An item that is done with: every one of its cells, in its order."""

    item: Item
    cells: Mapping[str, CellResult]
