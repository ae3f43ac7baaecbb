"""A request with the keys of its cells: what is asked about what, and of which model.

The keys decide what is asked again. The evidence that a prompt shows is hashed apart, per cell:
the known attributes, and the comparable values for that very attribute.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from jobforge.ledger.hashes import (
    canonical_parameters,
    cell_key,
    digest,
    evidence_hash,
    known_digest,
    question_key,
    text_hash,
)
from jobforge.ledger.records import AskedCell, AskedRequest
from jobforge.requests.inputs import Attribute, ImputationRequest, Job, Pack
from jobforge.requests.prompts import (
    COMPARABLE_VALUES_LIMIT,
    KNOWN_LIMIT,
    instructions,
    prompt_version,
)
from jobforge.requests.schema import schema_version
from jobforge.requests.values import plain_number
from jobforge.settings import SchemaCells, Settings

__all__ = ["KeyedRequest", "Keyer", "attribute_digest", "job_digest"]

_OTHER: dict[SchemaCells, SchemaCells] = {"spelt_out": "shared", "shared": "spelt_out"}


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request, its pack, and its cells with their keys, in the order of the pack."""

    request: ImputationRequest
    pack: Pack
    job_digest: str
    cells: Mapping[str, AskedCell]

    def only(self, attribute_ids: Iterable[str]) -> KeyedRequest:
        """Return the same request for these of its attributes alone."""
        kept = tuple(attribute_ids)
        return replace(
            self,
            request=replace(self.request, attribute_ids=kept),
            cells={name: self.cells[name] for name in kept},
        )


class Keyer:
    """Gives requests the keys that belong to one model and its parameters.

    with_evidence: whether requests carry their evidence; without it no evidence hash holds.

    other_schema_version: the schema version whose answers count, too, where there is one.
    """

    def __init__(self, settings: Settings, *, with_evidence: bool = True) -> None:
        self.model = settings.model
        self.parameters = canonical_parameters(settings.answer_parameters)
        self.prompt_version = prompt_version(settings.rationale)
        self._instructions_hash = text_hash(instructions(settings.rationale))
        self._schema_version = schema_version(settings.rationale, settings.schema_cells)
        self.other_schema_version = (
            schema_version(settings.rationale, _OTHER[settings.schema_cells])
            if settings.takes_other_cells
            else None
        )
        self._with_evidence = with_evidence
        self._last: tuple[Pack | None, dict[str, str]] = (None, {})

    def keyed(self, request: ImputationRequest, pack: Pack) -> KeyedRequest:
        """Return the request with its keys; raises InputError for an attribute of another pack."""
        job = job_digest(request.job)
        comparable = _comparable(request) if self._with_evidence else {}
        known = _known(request) if self._with_evidence else ""
        only_known = evidence_hash(known, ())
        digests = self._digests(pack)
        cells = {}
        for attribute_id in request.attribute_ids:
            attribute = digests.get(attribute_id) or attribute_digest(pack.attribute(attribute_id))
            shown = comparable.get(attribute_id)
            cells[attribute_id] = AskedCell(
                attribute_id,
                attribute,
                evidence_hash(known, shown) if shown else only_known,
                *self._keys(self._schema_version, attribute, job),
            )
        return KeyedRequest(request, pack, job, cells)

    def otherwise(self, keyed: KeyedRequest, attribute_ids: Iterable[str]) -> dict[str, AskedCell]:
        """Return cells of a request as the other schema version knows them, by attribute."""
        if self.other_schema_version is None:
            return {}
        cells = {}
        for attribute_id in attribute_ids:
            cell = keyed.cells[attribute_id]
            question, key = self._keys(
                self.other_schema_version, cell.attribute_digest, keyed.job_digest
            )
            cells[attribute_id] = replace(cell, question_key=question, cell_key=key)
        return cells

    def _keys(self, version: str, attribute: str, job: str) -> tuple[str, str]:
        question = question_key(
            prompt_version=self.prompt_version,
            instructions_hash=self._instructions_hash,
            schema_version=version,
            attribute_digest=attribute,
            job_digest=job,
        )
        return question, cell_key(question, self.model, self.parameters)

    def _digests(self, pack: Pack) -> dict[str, str]:
        # Requests of one pack follow each other.
        last, digests = self._last
        if pack is not last:
            digests = {one.attribute_id: attribute_digest(one) for one in pack.attributes}
            self._last = pack, digests
        return digests

    def asked(
        self,
        keyed: KeyedRequest,
        *,
        system_text: str,
        user_text: str,
        schema_text: str,
        estimated_prompt_tokens: int | None = None,
        estimated_completion_tokens: int | None = None,
    ) -> AskedRequest:
        """Return the request as the ledger keeps it, with every text that is sent."""
        request = keyed.request
        return AskedRequest(
            job_id=request.job.job_id,
            job_digest=keyed.job_digest,
            pack_id=request.pack_id,
            domain=keyed.pack.domain,
            model=self.model,
            parameters=self.parameters,
            prompt_version=self.prompt_version,
            instructions_hash=self._instructions_hash,
            schema_version=self._schema_version,
            system_text=system_text,
            user_text=user_text,
            schema_text=schema_text,
            cells=tuple(keyed.cells.values()),
            estimated_prompt_tokens=estimated_prompt_tokens,
            estimated_completion_tokens=estimated_completion_tokens,
        )


@lru_cache(maxsize=4096)
def attribute_digest(attribute: Attribute) -> str:
    """Return the digest of an attribute's definition."""
    bounds = (attribute.scale_minimum, attribute.scale_maximum)
    return digest(
        "attribute",
        attribute.attribute_id,
        attribute.name,
        attribute.domain,
        attribute.description,
        attribute.value_type,
        *(None if bound is None else plain_number(bound) for bound in bounds),
        json.dumps(attribute.allowed_values),
        attribute.unit,
    )


@lru_cache(maxsize=64)
def job_digest(job: Job) -> str:
    """Return the digest of a job's identity and context."""
    return digest(
        "job",
        job.job_id,
        job.title,
        job.family,
        job.function,
        job.unit_group,
        job.unit_group_title,
    )


def _known(request: ImputationRequest) -> str:
    shown = request.known_attributes[:KNOWN_LIMIT]
    return known_digest([(known.name, known.value) for known in shown])


def _comparable(request: ImputationRequest) -> dict[str, list[tuple[str, str, str]]]:
    values: dict[str, list[tuple[str, str, str]]] = {}
    for job in request.comparable_jobs:
        for attribute_id, value in job.values:
            shown = values.setdefault(attribute_id, [])
            if len(shown) < COMPARABLE_VALUES_LIMIT:
                shown.append((job.title, job.relation, value))
    return values
