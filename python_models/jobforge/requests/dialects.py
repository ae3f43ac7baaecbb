"""One schema, as servers take it: the same question in other JSON.

| form       | whole numbers in an enum | what attributes share |
|------------|--------------------------|-----------------------|
| `integers` | as numbers               | once, in `$defs`      |
| `strings`  | as texts                 | once, in `$defs`      |
| `plain`    | as texts                 | written out           |

The first is the shortest and what most servers take; some take enums of strings only, some no
`$defs`, or none whose parts refer to others. A form changes nothing of what is asked, so it is in
no cell's key; a text that stands for a number is read as that number and then checked as always.
"""

from __future__ import annotations

import json
from typing import Any, Literal, get_args

__all__ = ["FORMS", "SchemaForm", "form_of", "has_rationale", "number_of", "written"]

SchemaForm = Literal["integers", "strings", "plain"]
FORMS: tuple[SchemaForm, ...] = get_args(SchemaForm)

Schema = dict[str, Any]


def written(schema: Schema, form: SchemaForm) -> Schema:
    """Return a schema of whole numbers and `$defs` in another form."""
    if form == "integers":
        return schema
    definitions = {name: _texts(part) for name, part in schema.get("$defs", {}).items()}
    if form == "strings":
        return {**_texts(schema), "$defs": definitions}
    return _plain({name: part for name, part in schema.items() if name != "$defs"}, definitions)


def form_of(response_format: str) -> SchemaForm:
    """Return the form of a response format that was sent, from its JSON."""
    schema = json.loads(response_format)["json_schema"]["schema"]
    if "$defs" not in schema:
        return "plain"
    return "integers" if schema["$defs"]["confidence"]["type"] == "integer" else "strings"


def has_rationale(response_format: str) -> bool:
    """Say whether a response format that was sent asks for reasons, from its JSON."""
    schema = json.loads(response_format)["json_schema"]["schema"]
    definitions = schema.get("$defs", {})
    cells = (_resolved(cell, definitions) for cell in schema["properties"].values())
    return any("rationale" in cell["properties"] for cell in cells)


def number_of(value: object, form: SchemaForm) -> object:
    """Return the whole number that a text stands for where numbers were asked for as texts."""
    if form == "integers" or not isinstance(value, str):
        return value
    try:
        number = int(value)
    except ValueError:
        return value
    return number if str(number) == value else value


def _texts(part: Schema) -> Schema:
    if part.get("type") == "integer" and "enum" in part:
        return {"type": "string", "enum": [str(value) for value in part["enum"]]}
    if "properties" not in part:
        return part
    return {**part, "properties": {name: _texts(one) for name, one in part["properties"].items()}}


def _plain(part: Schema, definitions: Schema) -> Schema:
    if "$ref" in part:
        return _plain(dict(_resolved(part, definitions)), definitions)
    if "properties" not in part:
        return part
    properties = {name: _plain(one, definitions) for name, one in part["properties"].items()}
    return {**part, "properties": properties}


def _resolved(part: Schema, definitions: Schema) -> Schema:
    found: Schema = definitions[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    return found
