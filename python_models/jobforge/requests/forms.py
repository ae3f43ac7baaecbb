"""Requests ready to send: prompts and schemas in bytes, made once.

What is the same for every job of a pack (the model, the parameters, the system message) and the
schema of a set of attributes are encoded once; a request joins them with the job's own message.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobforge.requests.dialects import SchemaForm
from jobforge.requests.estimates import Estimate, prompt_tokens, reply_tokens
from jobforge.requests.inputs import Attribute, ImputationRequest, Pack
from jobforge.requests.limits import LIMITS, SchemaLimits, cut
from jobforge.requests.prompts import job_message, pack_message
from jobforge.requests.schema import response_format, response_schema
from jobforge.settings import Rationale, SchemaCells, Settings

__all__ = ["Form", "PackForms", "RequestForms", "Texts"]

_KEPT_SHAPES = 512


@dataclass(frozen=True, slots=True)
class Texts:
    """A request in its parts, as a store keeps them."""

    system: str
    user: str
    schema: str


@dataclass(frozen=True, slots=True)
class Form:
    """A request, ready to send, what it will take, its texts, and what its reply will look like."""

    body: bytes = field(repr=False)
    estimate: Estimate
    texts: Texts = field(repr=False)
    schema_form: SchemaForm = "integers"
    with_rationale: bool = True


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
    limit of output tokens, temperature). text_bounds: see `schema`. schema_form: how the schema is
    written where nobody says otherwise. rationale: where the reason stands. cells: whether the
    schema spells each cell out. limits: how large the schema may be. may_show: whether an
    attribute's definition may be shown to a model; what may not is left out of the prompt.
    """

    def __init__(
        self,
        pack: Pack,
        *,
        parameters: Mapping[str, Any],
        largest_completion_tokens: int,
        text_bounds: bool = False,
        schema_form: SchemaForm = "integers",
        rationale: Rationale = "before",
        cells: SchemaCells = "spelt_out",
        limits: SchemaLimits = LIMITS,
        may_show: Callable[[Attribute], bool] = lambda attribute: True,
    ) -> None:
        self.pack = pack
        shown = tuple(one for one in pack.attributes if may_show(one))
        self.left_out = {one.attribute_id for one in pack.attributes if one not in shown}
        self._attributes = {a.attribute_id: a for a in pack.attributes}
        self._largest = largest_completion_tokens
        self._text_bounds = text_bounds
        head = _json(parameters)
        self._rationale: Rationale = rationale
        self._cells: SchemaCells = cells
        self._system = pack_message(replace(pack, attributes=shown), rationale)
        system = _json({"role": "system", "content": self._system})
        self._head = head[:-1] + b',"messages":[' + system + b',{"role":"user","content":'
        self._system_bytes = len(self._system.encode("utf-8", "replace"))
        self._schema_form: SchemaForm = schema_form
        self._limits = limits
        self._shapes: OrderedDict[tuple[tuple[str, ...], SchemaForm], _Shape] = OrderedDict()
        # What holds for a pack holds for every part of it.
        self._is_small = self._fits([one.attribute_id for one in shown])

    def attributes(self, attribute_ids: Sequence[str]) -> list[Attribute]:
        """Return the definitions; raises InputError for an attribute that the pack has not."""
        known = self._attributes
        return [known.get(name) or self.pack.attribute(name) for name in attribute_ids]

    def parts(self, attribute_ids: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return the attributes in as many requests as their schema needs."""
        return [attribute_ids] if self._is_small else cut(attribute_ids, self._fits)

    def form(self, request: ImputationRequest, schema_form: SchemaForm | None = None) -> Form:
        """Return the request's bytes, its texts and its estimate."""
        user = job_message(request)
        schema_form = schema_form or self._schema_form
        shape = self._shape(request.attribute_ids, schema_form)
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
            schema_form,
            self._rationale != "none",
        )

    def _fits(self, attribute_ids: Sequence[str]) -> bool:
        attributes = self.attributes(attribute_ids)
        schema = response_schema(
            attributes, form=self._schema_form, rationale=self._rationale, cells=self._cells
        )
        return self._limits.hold(schema)

    def _shape(self, attribute_ids: tuple[str, ...], schema_form: SchemaForm) -> _Shape:
        # Jobs of one pack mostly miss the same attributes; single cells are repeated rarely.
        shape = self._shapes.get((attribute_ids, schema_form))
        if shape is None:
            attributes = self.attributes(attribute_ids)
            form = response_format(
                attributes,
                text_bounds=self._text_bounds,
                form=schema_form,
                rationale=self._rationale,
                cells=self._cells,
            )
            body = _json(form)
            expected = reply_tokens(attributes, with_rationale=self._rationale != "none")
            shape = _Shape(body, body.decode(), len(body), expected)
            self._shapes[attribute_ids, schema_form] = shape
            if len(self._shapes) > _KEPT_SHAPES:
                self._shapes.popitem(last=False)
        return shape


class RequestForms:
    """Gives the forms of packs.

    parameters, text_bounds, limits, may_show: see `PackForms`.
    """

    def __init__(
        self,
        settings: Settings,
        parameters: Mapping[str, Any],
        *,
        text_bounds: bool,
        limits: SchemaLimits = LIMITS,
        may_show: Callable[[Attribute], bool] = lambda attribute: True,
    ) -> None:
        self._settings = settings
        self._parameters = parameters
        self._text_bounds = text_bounds
        self._limits = limits
        self._may_show = may_show
        self._forms: dict[str, PackForms] = {}

    def of(self, pack: Pack) -> PackForms:
        """Return the pack's forms."""
        forms = self._forms.get(pack.pack_id)
        if forms is None:
            form = self._settings.schema_form
            forms = self._forms[pack.pack_id] = PackForms(
                pack,
                parameters=self._parameters,
                largest_completion_tokens=self._settings.max_output_tokens,
                text_bounds=self._text_bounds,
                schema_form="integers" if form == "auto" else form,
                rationale=self._settings.rationale,
                cells=self._settings.schema_cells,
                limits=self._limits,
                may_show=self._may_show,
            )
        return forms


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
