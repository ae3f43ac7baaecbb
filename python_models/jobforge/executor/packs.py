"""A job's missing attributes of a pack as a work item: prompts and schemas in bytes, made once.

What is the same for every job of a pack (the model, the parameters, the system message) and the
schema of a set of attributes are encoded once; a request joins them with the job's own message.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobforge.executor.work import Estimate, Form
from jobforge.inputs import Attribute, ImputationRequest, Pack
from jobforge.prompts import job_message, pack_message
from jobforge.replies import BadCell, GoodCell, read_cells
from jobforge.schema import response_format

__all__ = ["PackForms", "PackRequest", "Texts"]

_BYTES_PER_TOKEN = 3.6
_COMPLETION_TOKENS_PER_CELL = 40
_COMPLETION_TOKENS = 10
_KEPT_FORMATS = 512


@dataclass(frozen=True, slots=True)
class Texts:
    """A request in its parts, as a store keeps them."""

    system: str
    user: str
    schema: str


class PackForms:
    """Forms the requests of one pack.

    parameters: what every request of the run has beside messages and schema (temperature, the
    limit of output tokens). text_bounds: see `schema`.
    """

    def __init__(
        self,
        pack: Pack,
        *,
        model: str,
        parameters: Mapping[str, Any],
        largest_completion_tokens: int,
        text_bounds: bool = False,
    ) -> None:
        self.pack = pack
        self._attributes = {a.attribute_id: a for a in pack.attributes}
        self._largest = largest_completion_tokens
        self._text_bounds = text_bounds
        head = _json({"model": model, **parameters})
        self._system = pack_message(pack)
        system = _json({"role": "system", "content": self._system})
        self._head = head[:-1] + b',"messages":[' + system + b',{"role":"user","content":'
        self._formats: OrderedDict[tuple[str, ...], bytes] = OrderedDict()

    def attributes(self, attribute_ids: Sequence[str]) -> list[Attribute]:
        """Return the definitions; raises InputError for an attribute that the pack has not."""
        known = self._attributes
        return [known.get(name) or self.pack.attribute(name) for name in attribute_ids]

    def form(self, request: ImputationRequest) -> Form:
        """Return the request's bytes and its estimate."""
        body = b"".join(
            (
                self._head,
                _json(job_message(request)),
                b'}],"response_format":',
                self._format(request.attribute_ids),
                b"}",
            )
        )
        completion = _COMPLETION_TOKENS + _COMPLETION_TOKENS_PER_CELL * len(request.attribute_ids)
        return Form(
            body,
            Estimate(
                prompt_tokens=round(len(body) / _BYTES_PER_TOKEN),
                completion_tokens=min(completion, self._largest),
                # A token is at least a byte, whatever the tokeniser.
                largest_prompt_tokens=len(body),
                largest_completion_tokens=self._largest,
            ),
        )

    def texts(self, request: ImputationRequest) -> Texts:
        """Return the texts that `form` joins."""
        schema = self._format(request.attribute_ids).decode()
        return Texts(self._system, job_message(request), schema)

    def _format(self, attribute_ids: tuple[str, ...]) -> bytes:
        # Jobs of one pack mostly miss the same attributes; single cells are repeated rarely.
        encoded = self._formats.get(attribute_ids)
        if encoded is None:
            schema = response_format(self.attributes(attribute_ids), text_bounds=self._text_bounds)
            encoded = self._formats[attribute_ids] = _json(schema)
            if len(self._formats) > _KEPT_FORMATS:
                self._formats.popitem(last=False)
        return encoded


@dataclass(frozen=True, slots=True)
class PackRequest:
    """One job's missing attributes of a pack, as the executor works on it."""

    request: ImputationRequest
    forms: PackForms

    @property
    def key(self) -> str:
        """The job and the pack."""
        return f"{self.request.job.job_id} {self.request.pack_id}"

    @property
    def group(self) -> str:
        """The pack."""
        return self.request.pack_id

    @property
    def attribute_ids(self) -> tuple[str, ...]:
        """The missing attributes."""
        return self.request.attribute_ids

    def form(self, attribute_ids: tuple[str, ...]) -> Form:
        """Return the request that asks for these of them."""
        return self.forms.form(self._part(attribute_ids))

    def texts(self, attribute_ids: tuple[str, ...]) -> Texts:
        """Return the texts of that request, for whoever records it."""
        return self.forms.texts(self._part(attribute_ids))

    def read(
        self, content: str, attribute_ids: tuple[str, ...]
    ) -> Mapping[str, GoodCell | BadCell]:
        """Return each of these cells; raises UnreadableReplyError."""
        return read_cells(content, self.forms.attributes(attribute_ids))

    def _part(self, attribute_ids: tuple[str, ...]) -> ImputationRequest:
        if attribute_ids == self.request.attribute_ids:
            return self.request
        return replace(self.request, attribute_ids=attribute_ids)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
