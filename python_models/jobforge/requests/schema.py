"""The strict JSON schema of a reply: one required property per attribute that is asked for.

Only keywords that every server takes are used, so that no server answers a request with a 400:

- Whole numbers on a short scale are an integer `enum`. `minimum` and `maximum` are refused by
  Azure's strict mode and by OpenAI's fine-tuned models; llama.cpp obeys bounds on integers but not
  on `number`. Everybody obeys an enum.
- Confidence is an integer per cent in steps of five. OpenAI allows 1,000 enum values in a schema,
  so 101 steps for each of 16 attributes would not pass.
- `minLength` and `maxLength` are refused by OpenAI and Azure, and so are a number's bounds by
  Azure; local servers take them, and most obey them. They are left out unless the server is known
  to take them (`text_bounds`).
- What attributes share stands once in `$defs`: a schema is paid for as input. Where the cells are
  `shared`, a cell's whole object does, too: most of a pack's attributes are of one kind, and each
  of them is then no more than a reference.
- A category with more values than a schema may list is a text; its values stand in the prompt.

What a server refuses nevertheless is written in another form (`dialects`). A schema keeps a model
in line where the server enforces it; `replies` checks everything again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from jobforge.requests.dialects import SchemaForm, written
from jobforge.requests.inputs import Attribute
from jobforge.requests.limits import is_large_enum
from jobforge.settings import Rationale, SchemaCells

__all__ = [
    "CONFIDENCE_STEPS",
    "RATIONALE_LIMIT",
    "SCHEMA_VERSION",
    "SHARED_SCHEMA_VERSION",
    "TEXT_VALUE_LIMIT",
    "is_whole_scale",
    "model_response_format",
    "response_format",
    "response_schema",
    "scale_steps",
    "schema_version",
]

# Part of every cell's key: raise both when a change of the schema can change answers.
SCHEMA_VERSION = "1"
SHARED_SCHEMA_VERSION = "2"


def schema_version(rationale: Rationale = "before", cells: SchemaCells = "spelt_out") -> str:
    """Return the version of the schema whose cells have the reason there and are written so."""
    version = SCHEMA_VERSION if cells == "spelt_out" else SHARED_SCHEMA_VERSION
    return version if rationale == "before" else f"{version}-{rationale}"


CONFIDENCE_STEPS = range(0, 101, 5)
RATIONALE_LIMIT = 120
TEXT_VALUE_LIMIT = 200
_LONGEST_ENUM_SCALE = 21

Schema = dict[str, Any]


def response_schema(
    attributes: Iterable[Attribute],
    *,
    text_bounds: bool = False,
    form: SchemaForm = "integers",
    rationale: Rationale = "before",
    cells: SchemaCells = "spelt_out",
) -> Schema:
    """Return the schema of a reply for these attributes, in their order."""
    definitions: Schema = {
        "rationale": _text(RATIONALE_LIMIT, text_bounds),
        "confidence": {"type": "integer", "enum": list(CONFIDENCE_STEPS)},
    }
    if rationale == "none":
        del definitions["rationale"]
    if cells == "shared":
        properties, definitions = _shared(attributes, definitions, text_bounds, rationale)
    else:
        properties = {
            one.attribute_id: _cell(
                _shared_value(one, definitions, text_bounds), _reference("rationale"), rationale
            )
            for one in attributes
        }
    return written({**_object(properties), "$defs": definitions}, form)


def response_format(
    attributes: Iterable[Attribute],
    *,
    text_bounds: bool = False,
    form: SchemaForm = "integers",
    rationale: Rationale = "before",
    cells: SchemaCells = "spelt_out",
) -> Schema:
    """Return the `response_format` of a chat completions request for these attributes."""
    schema = response_schema(
        attributes, text_bounds=text_bounds, form=form, rationale=rationale, cells=cells
    )
    return _strict("job_attributes", schema)


def model_response_format(model: type[BaseModel]) -> Schema:
    """Return the `response_format` for a pydantic model, with portable keywords only."""
    return _strict(model.__name__, _portable(model.model_json_schema()))


def is_whole_scale(attribute: Attribute) -> bool:
    """Say whether the attribute is a rating in whole numbers."""
    bounds = (attribute.scale_minimum, attribute.scale_maximum)
    return attribute.value_type == "rating" and all(
        bound is not None and bound == bound.to_integral_value() for bound in bounds
    )


def scale_steps(attribute: Attribute) -> list[int] | None:
    """Return the steps of a short whole-number scale, or None where it is not one."""
    low, high = attribute.scale_minimum, attribute.scale_maximum
    if not is_whole_scale(attribute) or low is None or high is None:
        return None
    return list(range(int(low), int(high) + 1)) if high - low < _LONGEST_ENUM_SCALE else None


def _shared(
    attributes: Iterable[Attribute], usual: Schema, text_bounds: bool, rationale: Rationale
) -> tuple[Schema, Schema]:
    """Return the properties, each of which refers to its cell, and the definitions.

    A cell is called as its type of value is, and a second one of that type has a number. What only
    cells use, and each kind once, stands in them: a reference would be longer.
    """
    definitions = {"confidence": usual["confidence"]}
    names: dict[str, str] = {}
    properties: Schema = {}
    for attribute in attributes:
        value = _value(attribute, text_bounds)
        written_value = json.dumps(value)
        name = names.get(written_value)
        if name is None:
            name, number = str(attribute.value_type), 1
            while name in definitions:
                number += 1
                name = f"{attribute.value_type}_{number}"
            names[written_value] = name
            definitions[name] = _cell(value, usual.get("rationale"), rationale)
        properties[attribute.attribute_id] = _reference(name)
    return properties, definitions


def _cell(value: Schema, why: Schema | None, rationale: Rationale) -> Schema:
    # A model writes in the order of the schema: what comes first it has committed to.
    reason = {} if rationale == "none" else {"rationale": why}
    answer = {"value": value, "confidence": _reference("confidence")}
    return _object({**answer, **reason} if rationale == "after" else {**reason, **answer})


def _shared_value(attribute: Attribute, definitions: Schema, text_bounds: bool) -> Schema:
    """Return a value's schema, or a reference where attributes are likely to share it."""
    value = _value(attribute, text_bounds)
    if attribute.value_type == "text":
        name = "text"
    elif attribute.value_type == "rating" and "enum" in value:
        steps = value["enum"]
        name = f"rating_{steps[0]}_{steps[-1]}".replace("-", "minus_")
    else:
        return value
    definitions[name] = value
    return _reference(name)


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _value(attribute: Attribute, text_bounds: bool) -> Schema:
    match attribute.value_type:
        case "boolean":
            return {"type": "boolean"}
        case "category":
            values = list(attribute.allowed_values)
            large = is_large_enum(values, beside=len(CONFIDENCE_STEPS))
            return {"type": "string"} if large else {"type": "string", "enum": values}
        case "text":
            return _text(TEXT_VALUE_LIMIT, text_bounds)
        case "rating":
            steps = scale_steps(attribute)
            if steps is not None:
                return {"type": "integer", "enum": steps}
            kind = "integer" if is_whole_scale(attribute) else "number"
            return {"type": kind, **_limits(attribute, text_bounds)}
        case "number":
            return {"type": "number", **_limits(attribute, text_bounds)}


def _text(limit: int, text_bounds: bool) -> Schema:
    return {"type": "string", **({"minLength": 2, "maxLength": limit} if text_bounds else {})}


def _limits(attribute: Attribute, text_bounds: bool) -> Schema:
    limits = {"minimum": attribute.scale_minimum, "maximum": attribute.scale_maximum}
    return {
        name: int(limit) if limit == int(limit) else float(limit)
        for name, limit in limits.items()
        if text_bounds and limit is not None
    }


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _strict(name: str, schema: Schema) -> Schema:
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "strict": True, "schema": schema},
    }


_PORTABLE_KEYWORDS = ("$ref", "type", "description", "enum", "const")


def _portable(schema: Schema) -> Schema:
    kept: Schema = {word: schema[word] for word in _PORTABLE_KEYWORDS if word in schema}
    if "items" in schema:
        kept["items"] = _portable(schema["items"])
    if "anyOf" in schema:
        kept["anyOf"] = [_portable(option) for option in schema["anyOf"]]
    if "properties" in schema:
        kept |= _object({name: _portable(part) for name, part in schema["properties"].items()})
    if "$defs" in schema:
        kept["$defs"] = {name: _portable(part) for name, part in schema["$defs"].items()}
    if "$ref" in kept:
        # Strict mode takes a reference only without neighbours.
        return {"$ref": kept["$ref"]}
    return kept
