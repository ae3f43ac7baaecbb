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

from jobforge.estimates import prompt_tokens, reply_tokens
from jobforge.executor.work import Estimate, Form, Texts
from jobforge.inputs import Attribute, ImputationRequest, Pack
from jobforge.prompts import job_message, pack_message
from jobforge.replies import BadCell, GoodCell, read_cells
from jobforge.schema import response_format

__all__ = ["PackForms", "PackRequest"]

_KEPT_SHAPES = 512


@dataclass(frozen=True, slots=True)
class _Shape:
    """The schema of some attributes, and what a reply in it will take."""

    body: bytes
    text: str
    bytes: int
    reply_tokens: int


class PackForms:
    """Forms the requests of one pack.

    parameters: what every request of the run has beside messages and schema (the model, the
    limit of output tokens, temperature). text_bounds: see `schema`.
    """

    def __init__(
        self,
        pack: Pack,
        *,
        parameters: Mapping[str, Any],
        largest_completion_tokens: int,
        text_bounds: bool = False,
    ) -> None:
        self.pack = pack
        self._attributes = {a.attribute_id: a for a in pack.attributes}
        self._largest = largest_completion_tokens
        self._text_bounds = text_bounds
        head = _json(parameters)
        self._system = pack_message(pack)
        system = _json({"role": "system", "content": self._system})
        self._head = head[:-1] + b',"messages":[' + system + b',{"role":"user","content":'
        self._system_bytes = len(self._system.encode("utf-8", "replace"))
        self._shapes: OrderedDict[tuple[str, ...], _Shape] = OrderedDict()

    def attributes(self, attribute_ids: Sequence[str]) -> list[Attribute]:
        """Return the definitions; raises InputError for an attribute that the pack has not."""
        known = self._attributes
        return [known.get(name) or self.pack.attribute(name) for name in attribute_ids]

    def form(self, request: ImputationRequest) -> Form:
        """Return the request's bytes, its texts and its estimate."""
        user = job_message(request)
        shape = self._shape(request.attribute_ids)
        body = b"".join((self._head, _json(user), b'}],"response_format":', shape.body, b"}"))
        return Form(
            body,
            Estimate(
                prompt_tokens=prompt_tokens(
                    system=self._system_bytes,
                    user=len(user.encode("utf-8", "replace")),
                    schema=shape.bytes,
                ),
                completion_tokens=min(shape.reply_tokens, self._largest),
                # No token of a byte-level vocabulary stands for less than a byte.
                largest_prompt_tokens=len(body),
                largest_completion_tokens=self._largest,
            ),
            Texts(self._system, user, shape.text),
        )

    def _shape(self, attribute_ids: tuple[str, ...]) -> _Shape:
        # Jobs of one pack mostly miss the same attributes; single cells are repeated rarely.
        shape = self._shapes.get(attribute_ids)
        if shape is None:
            attributes = self.attributes(attribute_ids)
            body = _json(response_format(attributes, text_bounds=self._text_bounds))
            shape = _Shape(body, body.decode(), len(body), reply_tokens(attributes))
            self._shapes[attribute_ids] = shape
            if len(self._shapes) > _KEPT_SHAPES:
                self._shapes.popitem(last=False)
        return shape


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
