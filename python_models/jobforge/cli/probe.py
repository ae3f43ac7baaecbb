"""Does the server take what a run sends, and with which settings: a few requests say so.

The first request is a run's own: a whole pack, whole numbers in enums, `$defs`, the token limit by
its name. Where it is rejected, each of these is changed by itself, then all of them together and
back again one by one, until the fewest changes are found with which a reply keeps to the schema.
Words and schema contradict each other, so that only a server that honours schemas obeys the schema.

Then the same is asked once with the schema that has each kind of answer once, where a run does not
ask so anyway: it is shorter, but its parts refer to each other, which not every server follows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from jobforge.cli.endpoint import Check
from jobforge.errors import (
    ApiError,
    ReplyError,
    RequestRejectedError,
    RequestTooLongError,
    SettingsError,
    TruncatedError,
)
from jobforge.money.prices import ModelPrice, Usage, usd
from jobforge.provider.client import get_reply, openai_client, request_parameters
from jobforge.provider.completions import Completion, Reply, mapping, read_completion
from jobforge.provider.connection import Connection
from jobforge.redaction import redact
from jobforge.requests.dialects import FORMS, SchemaForm
from jobforge.requests.inputs import Attribute, Pack
from jobforge.requests.limits import AZURE_LIMITS, LIMITS
from jobforge.requests.replies import BadCell, read_cells
from jobforge.requests.schema import response_format, response_schema
from jobforge.settings import MaxTokensParameter, SchemaCells, Settings

__all__ = ["probe"]

_VARS = (
    *("llm_max_output_tokens", "llm_max_tokens_parameter", "llm_temperature"),
    *("llm_timeout_seconds", "llm_text_bounds", "llm_schema_form", "llm_schema_cells"),
)
_USUAL_PACK = 16
_MESSAGES = [
    {"role": "system", "content": "Reply with the one word hello and nothing else. No JSON."},
    {"role": "user", "content": "Say hello."},
]
_LIMIT_NAMES: tuple[MaxTokensParameter, ...] = ("max_tokens", "max_completion_tokens")
# Fewer attributes or another form may help against these.
_TOO_MUCH = (RequestRejectedError, RequestTooLongError, TruncatedError)


def probe(
    connection: Connection, model: str, vars: Mapping[str, Any], price: ModelPrice | None
) -> Iterator[Check]:
    """Yield whether the server takes what a run sends, the vars to set, and what asking cost."""
    try:
        given = {name: vars[name] for name in _VARS if name in vars}
        settings = Settings.from_config({**given, "llm_model": model})
        size = _size(vars.get("llm_attributes_per_call", _USUAL_PACK))
    except SettingsError as error:
        yield Check("schemas", "problem", str(error))
        return
    server = _Server(connection, settings)
    usual = server.usual(size)
    try:
        found = _search(server, usual)
    except (ApiError, ReplyError, _UnheededError) as error:
        yield Check("schemas", "problem", str(error))
    else:
        yield Check("schemas", "ok", f"honoured by one reply of {server.model}: {found.words()}")
        if found != usual:
            yield _advice(found, usual, settings)
        if usual.cells == "spelt_out":
            yield server.shared(found)
        yield server.logprobs(found)
    cost = "cost not known" if price is None else usd(price.cost(server.usage))
    tokens = f"{server.usage.prompt_tokens:,} tokens in, {server.usage.completion_tokens:,} out"
    untold = f", and {server.untold} whose tokens nobody knows" if server.untold else ""
    yield Check("cost", "note", f"{server.calls} requests, {tokens}, {cost}{untold}")


@dataclass(frozen=True, slots=True)
class _Way:
    """How a pack is asked for."""

    form: SchemaForm
    text_bounds: bool
    limit_name: MaxTokensParameter
    size: int
    cells: SchemaCells

    def words(self) -> str:
        """Return what the server takes, for people."""
        numbers = "whole numbers" if self.form == "integers" else "texts for whole numbers"
        parts = [f"a pack of {self.size}", f"{numbers} in enums"]
        parts += ["no $defs"] if self.form == "plain" else ["$defs"]
        parts += ["shared cells"] if self.cells == "shared" else []
        parts += ["bounds of texts"] if self.text_bounds else []
        return ", ".join([*parts, self.limit_name])

    def changes(self) -> Iterator[_Way]:
        """Yield what differs from it in one thing, the cheapest first."""
        if self.cells == "shared":
            yield replace(self, cells="spelt_out")
        for form in FORMS[FORMS.index(self.form) + 1 :]:
            yield replace(self, form=form)
        if self.text_bounds:
            yield replace(self, text_bounds=False)
        for name in _LIMIT_NAMES:
            if name != self.limit_name:
                yield replace(self, limit_name=name)
        size = self.size
        while size > 1:
            size = (size + 1) // 2
            yield replace(self, size=size)


def _search(server: _Server, usual: _Way) -> _Way:
    """Return the way that is taken and differs least from the usual one.

    Raises what the usual one met where none is taken, and what is no matter of settings at once.
    """
    first = server.refusal(usual)
    if first is None:
        return usual
    for way in usual.changes():
        if server.refusal(way) is None:
            return way
    for name in _LIMIT_NAMES:
        found = replace(usual, form="plain", text_bounds=False, limit_name=name, size=1)
        if server.refusal(found) is None:
            break
    else:
        raise first
    for kept in ("limit_name", "text_bounds", "size"):
        way = replace(found, **{kept: getattr(usual, kept)})
        found = way if way == found or server.refusal(way) is None else found
    ways: tuple[SchemaCells, ...] = (usual.cells, "spelt_out")
    for cells in dict.fromkeys(ways):
        for form in FORMS[FORMS.index(usual.form) : -1]:
            way = replace(found, form=form, cells=cells)
            if server.refusal(way) is None:
                return way
    return found


def _advice(found: _Way, usual: _Way, settings: Settings) -> Check:
    wanted: dict[str, object] = {}
    if found.form != usual.form:
        wanted["llm_schema_form"] = found.form
    if found.cells != usual.cells:
        wanted["llm_schema_cells"] = found.cells
    if found.text_bounds != usual.text_bounds:
        wanted["llm_text_bounds"] = "off"
    if found.limit_name != usual.limit_name:
        wanted["llm_max_tokens_parameter"] = found.limit_name
    if found.size != usual.size:
        wanted["llm_attributes_per_call"] = found.size
    says = f"set {', '.join(f'{name}: {value}' for name, value in wanted.items())}"
    if list(wanted) == ["llm_schema_form"] and settings.schema_form == "auto":
        return Check("vars", "note", f"{says}; a live run finds it out, a batch does not")
    if list(wanted) == ["llm_schema_cells"] and settings.schema_form == "auto":
        dear = "a live run writes its schema out at full length, a batch is refused"
        return Check("vars", "note", f"{says}; otherwise {dear}")
    return Check("vars", "problem", f"{says}; as a run would ask now, the server refuses")


class _Server:
    """Sends the probes and counts what they take."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._client = openai_client(connection, settings.timeout_seconds).with_options(
            max_retries=0
        )
        self.calls = self.untold = 0
        self.usage = Usage()
        self.model = settings.model

    def usual(self, size: int) -> _Way:
        """Return the way of a run."""
        settings, form = self._settings, self._settings.schema_form
        parameters = request_parameters(self._connection, settings)
        (limit_name,) = (name for name in _LIMIT_NAMES if name in parameters)
        most = AZURE_LIMITS if self._connection.is_azure else LIMITS
        cells = settings.schema_cells
        while size > 1 and not most.hold(response_schema(_pack(size).attributes, cells=cells)):
            size -= 1
        return _Way(
            form="integers" if form == "auto" else form,
            text_bounds=settings.bounds_texts(self._connection.is_local),
            limit_name=limit_name,
            size=size,
            cells=cells,
        )

    def refusal(self, way: _Way) -> ApiError | ReplyError | None:
        """Ask, and return why the server would not, or None where its reply holds.

        Raises ApiError or ReplyError for what other settings cannot cure, and _UnheededError where
        the reply does not keep to the schema.
        """
        attributes = _pack(way.size).attributes
        completion, _ = self._ask(way, attributes)
        if isinstance(completion.error, _TOO_MUCH):
            return completion.error
        if completion.content is None:
            assert completion.error is not None
            raise completion.error
        cells = read_cells(completion.content, attributes, way.form)
        bad = [
            f"{name}: {cell.reason}" for name, cell in cells.items() if isinstance(cell, BadCell)
        ]
        if bad:
            raise _UnheededError(f"not honoured; {'; '.join(bad[:3])}")
        self.model = redact(completion.model or self.model, self._connection.secrets)
        return None

    def shared(self, found: _Way) -> Check:
        """Say whether the schema is taken that has each kind of answer once."""
        if found.form == "plain":
            return Check("cells", "note", "written out: a server without $defs shares nothing")
        try:
            refusal = self.refusal(replace(found, cells="shared"))
        except (ApiError, ReplyError, _UnheededError) as error:
            return Check("cells", "note", f"llm_schema_cells: shared is no choice here: {error}")
        if refusal is not None:
            return Check("cells", "note", f"llm_schema_cells: shared is no choice here: {refusal}")
        says = "shared cells are taken: set llm_schema_cells: shared for a shorter schema"
        return Check("cells", "ok", f"{says}; answers that there are stay valid")

    def logprobs(self, way: _Way) -> Check:
        """Say whether replies tell how probable their words are."""
        says = "not given; a run does without them"
        try:
            completion, reply = self._ask(way, _pack(1).attributes, logprobs=True)
        except (ApiError, ReplyError) as error:
            return Check("logprobs", "note", str(error))
        if isinstance(completion.error, RequestRejectedError):
            return Check("logprobs", "note", "refused; a run does without them")
        if completion.content is not None:
            (choice, *_) = json.loads(reply.body)["choices"]
            if mapping(choice.get("logprobs")).get("content"):
                return Check("logprobs", "ok", "given beside a strict schema")
        return Check("logprobs", "note", says)

    def _ask(
        self, way: _Way, attributes: tuple[Attribute, ...], **more: Any
    ) -> tuple[Completion, Reply]:
        settings = replace(self._settings, max_tokens_parameter=way.limit_name)
        request = {
            **request_parameters(self._connection, settings),
            **more,
            "messages": _MESSAGES,
            "response_format": response_format(
                attributes, text_bounds=way.text_bounds, form=way.form, cells=way.cells
            ),
        }
        completions = self._client.chat.completions.with_raw_response
        self.calls += 1
        reply = get_reply(
            lambda: completions.create(**request), self._connection, settings.timeout_seconds
        )
        completion = read_completion(reply, settings.model, self._connection.secrets)
        if completion.usage is None:
            self.untold += 1
        else:
            self.usage += completion.usage
        return completion, reply


class _UnheededError(Exception):
    """The reply does not keep to the schema; the message says where."""


def _size(given: object) -> int:
    try:
        size = int(str(given))
    except ValueError:
        size = 0
    if size < 1:
        raise SettingsError(f"llm_attributes_per_call is {given!r}: it must be 1 or more")
    return size


def _pack(size: int) -> Pack:
    """Return a pack of so many attributes, of every type in turn."""
    rating = Attribute(
        *("warmth", "Warmth", "probe", "How warm the greeting is.", "rating"),
        scale_minimum=Decimal(0),
        scale_maximum=Decimal(5),
    )
    others = (
        replace(rating, value_type="category", allowed_values=("formal", "casual")),
        replace(rating, value_type="boolean"),
        replace(rating, value_type="text"),
        replace(rating, value_type="number"),
    )
    kinds = (rating, *others)
    return Pack(
        "probe",
        tuple(
            replace(kinds[number % len(kinds)], attribute_id=f"probe_{number + 1}")
            for number in range(size)
        ),
    )
