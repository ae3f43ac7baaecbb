"""What comes in: attribute packs, and one request per job and pack, read from Arrow.

A row that breaks the contract stops the run with an InputError that names it, before any call. The
evidence of a request (known attributes, comparable jobs) is read only where it will be sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, starmap
from typing import Any, Literal, TypeAlias, get_args

import pyarrow as pa
import pyarrow.compute as pc

from jobforge.errors import InputError

__all__ = [
    "ArrowRows",
    "Attribute",
    "ComparableJob",
    "ImputationRequest",
    "Job",
    "KnownAttribute",
    "Pack",
    "ValueType",
    "read_packs",
    "read_requests",
]

ArrowRows: TypeAlias = pa.Table | pa.RecordBatchReader
ValueType = Literal["rating", "number", "category", "boolean", "text"]

_ATTRIBUTE_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute's definition, as the catalogue has it."""

    attribute_id: str
    name: str
    domain: str
    description: str
    value_type: ValueType
    scale_minimum: Decimal | None = None
    scale_maximum: Decimal | None = None
    allowed_values: tuple[str, ...] = ()
    unit: str | None = None

    def __post_init__(self) -> None:
        at = f"attribute {self.attribute_id!r}"
        if not _ATTRIBUTE_ID.fullmatch(self.attribute_id):
            raise InputError(f"{at}: an id is a letter, then letters, digits and _ (64 at most)")
        if self.value_type not in get_args(ValueType):
            raise InputError(f"{at}: value type {self.value_type!r} is not one of the five")
        low, high = self.scale_minimum, self.scale_maximum
        if self.value_type == "rating" and (low is None or high is None):
            raise InputError(f"{at}: a rating needs scale_minimum and scale_maximum")
        if low is not None and high is not None and low >= high:
            raise InputError(f"{at}: scale_minimum {low} is not below scale_maximum {high}")
        if self.value_type == "category" and not (self.allowed_values and all(self.allowed_values)):
            raise InputError(f"{at}: a category needs its allowed values, none of them empty")
        if len(set(self.allowed_values)) != len(self.allowed_values):
            raise InputError(f"{at}: an allowed value is there twice")


@dataclass(frozen=True, slots=True)
class Pack:
    """Attributes of one domain that are asked together; its order never changes."""

    pack_id: str
    attributes: tuple[Attribute, ...]

    @property
    def domain(self) -> str:
        """The domain that all of its attributes have."""
        return self.attributes[0].domain

    def attribute(self, attribute_id: str) -> Attribute:
        """Return the attribute with that id; raises InputError where the pack has none."""
        for attribute in self.attributes:
            if attribute.attribute_id == attribute_id:
                return attribute
        raise InputError(f"pack {self.pack_id!r} has no attribute {attribute_id!r}")


@dataclass(frozen=True, slots=True)
class Job:
    """The context that tells what a job is."""

    job_id: str
    title: str
    family: str | None = None
    function: str | None = None
    unit_group: str | None = None
    unit_group_title: str | None = None


@dataclass(frozen=True, slots=True)
class KnownAttribute:
    """A value of the same job that another source gave."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ComparableJob:
    """A similar job's known values, as (attribute id, value) pairs."""

    title: str
    relation: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ImputationRequest:
    """One job's missing attributes of one pack, with the evidence for them."""

    job: Job
    pack_id: str
    attribute_ids: tuple[str, ...]
    known_attributes: tuple[KnownAttribute, ...] = ()
    comparable_jobs: tuple[ComparableJob, ...] = ()


def read_packs(rows: ArrowRows) -> dict[str, Pack]:
    """Return the packs by id, each in the order of `pack_position`."""
    attributes: dict[str, list[Attribute]] = {}
    table = _table(rows).sort_by([("pack_id", "ascending"), ("pack_position", "ascending")])
    for row in table.to_pylist():
        attributes.setdefault(row["pack_id"], []).append(_attribute(row))
    packs = {pack_id: Pack(pack_id, tuple(members)) for pack_id, members in attributes.items()}
    for pack in packs.values():
        ids = [attribute.attribute_id for attribute in pack.attributes]
        if len(set(ids)) != len(ids):
            raise InputError(f"pack {pack.pack_id!r} has an attribute twice")
    return packs


def read_requests(rows: ArrowRows, *, with_evidence: bool = True) -> Iterator[ImputationRequest]:
    """Yield the requests in the order of the rows.

    Without their evidence known attributes and comparable jobs are left unread, which is most of
    what a row costs.
    """
    for batch in rows.to_batches() if isinstance(rows, pa.Table) else rows:
        # A batch may hold all rows that there are.
        for first in range(0, batch.num_rows, _ROWS_AT_ONCE):
            some = batch.slice(first, _ROWS_AT_ONCE)
            evidence = _evidence(some) if with_evidence else [_NO_EVIDENCE] * some.num_rows
            bare = some.select(_BARE_COLUMNS).to_pylist()
            for row, (known, comparable) in zip(bare, evidence, strict=True):
                yield _request(row, known, comparable)


_BARE_COLUMNS = [
    "job_id",
    "job_title",
    "job_family",
    "job_function",
    "unit_group",
    "unit_group_title",
    "pack_id",
    "attribute_ids",
]
_ROWS_AT_ONCE = 128

Evidence: TypeAlias = tuple[tuple[KnownAttribute, ...], tuple[ComparableJob, ...]]

_NO_EVIDENCE: Evidence = ((), ())


def _evidence(rows: pa.RecordBatch) -> Iterator[Evidence]:
    # Column by column: no dictionary for each known attribute and each value.
    known_counts, known = _members(rows.column("known_attributes"))
    job_counts, jobs = _members(rows.column("comparable_jobs"))
    value_counts, values = _members(pc.struct_field(jobs, "values"))
    known_attributes = starmap(KnownAttribute, _texts(known, "attribute_name", "value"))
    pairs = _texts(values, "attribute_id", "value")
    comparable_jobs = (
        ComparableJob(title, relation, tuple(islice(pairs, count)))
        for (title, relation), count in zip(
            _texts(jobs, "job_title", "relation"), value_counts, strict=True
        )
    )
    for known_count, job_count in zip(known_counts, job_counts, strict=True):
        yield (
            tuple(islice(known_attributes, known_count)),
            tuple(islice(comparable_jobs, job_count)),
        )


def _members(lists: pa.Array) -> tuple[list[int], pa.Array]:
    """Return how many members each list has, and the members of all, one after another."""
    return [count or 0 for count in pc.list_value_length(lists).to_pylist()], lists.flatten()


def _texts(structs: pa.Array, *names: str) -> Iterator[tuple[Any, ...]]:
    columns = [pc.struct_field(structs, name).to_pylist() for name in names]
    return zip(*columns, strict=True)


def _table(rows: ArrowRows) -> pa.Table:
    return rows if isinstance(rows, pa.Table) else rows.read_all()


def _attribute(row: Mapping[str, Any]) -> Attribute:
    return Attribute(
        attribute_id=row["attribute_id"],
        name=row["attribute_name"],
        domain=row["domain"],
        description=row["description"] or "",
        value_type=row["value_type"],
        scale_minimum=_decimal(row["scale_minimum"]),
        scale_maximum=_decimal(row["scale_maximum"]),
        allowed_values=tuple(row["allowed_values"] or ()),
        unit=row["unit"] or None,
    )


def _decimal(number: float | Decimal | None) -> Decimal | None:
    return None if number is None else Decimal(str(number)).normalize()


def _request(
    row: Mapping[str, Any],
    known: tuple[KnownAttribute, ...],
    comparable: tuple[ComparableJob, ...],
) -> ImputationRequest:
    return ImputationRequest(
        job=Job(
            job_id=row["job_id"],
            title=row["job_title"],
            family=row["job_family"] or None,
            function=row["job_function"] or None,
            unit_group=row["unit_group"] or None,
            unit_group_title=row["unit_group_title"] or None,
        ),
        pack_id=row["pack_id"],
        attribute_ids=tuple(row["attribute_ids"]),
        known_attributes=known,
        comparable_jobs=comparable,
    )
