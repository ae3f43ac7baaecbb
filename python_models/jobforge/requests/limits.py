"""How large a strict schema may be.

OpenAI allows 5,000 properties, 1,000 values in enums, 120,000 characters of names and values, and
15,000 in an enum of more than 250 texts; Azure allows 100 properties. Nobody is known to allow
less, so every schema keeps to them, whoever the server is.

Nobody says whether an object in `$defs` counts once or wherever it is referred to. Its properties
count each time, so that a request asks for as many attributes however its cells are written; enums
and names are counted as they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["AZURE_LIMITS", "LIMITS", "SchemaLimits", "cut", "is_large_enum"]

_MOST_VALUES = 1_000
_MANY_VALUES = 250
_LONGEST_MANY = 15_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SchemaLimits:
    """The most that a schema may have."""

    properties: int = 5_000
    enum_values: int = _MOST_VALUES
    characters: int = 120_000

    def hold(self, schema: Mapping[str, Any]) -> bool:
        """Say whether a schema keeps to them."""
        enum_values = characters = 0
        for part in _parts(schema):
            names = [*part.get("properties", ()), *part.get("$defs", ())]
            values = part.get("enum", ())
            enum_values += len(values)
            characters += sum(map(len, names)) + sum(len(str(value)) for value in values)
        return (
            _properties(schema, schema.get("$defs", {})) <= self.properties
            and enum_values <= self.enum_values
            and characters <= self.characters
        )


LIMITS = SchemaLimits()
AZURE_LIMITS = SchemaLimits(properties=100)


def is_large_enum(values: Sequence[str], beside: int) -> bool:
    """Say whether no schema may list these values, in which there are so many others."""
    if len(values) > _MANY_VALUES and sum(map(len, values)) > _LONGEST_MANY:
        return True
    return len(values) + beside > _MOST_VALUES


def cut(members: Sequence[T], fits: Callable[[Sequence[T]], bool]) -> list[tuple[T, ...]]:
    """Return the members in the fewest runs that fit; one that fits nowhere is by itself."""
    if fits(members):
        return [tuple(members)]
    runs: list[tuple[T, ...]] = []
    run: tuple[T, ...] = ()
    for member in members:
        if run and not fits((*run, member)):
            runs.append(run)
            run = ()
        run = (*run, member)
    return [*runs, run]


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    for name in ("properties", "$defs"):
        for part in schema.get(name, {}).values():
            yield from _parts(part)


def _properties(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> int:
    """Return how many properties a part has, those of what it refers to included."""
    if "$ref" in part:
        part = definitions[part["$ref"].rpartition("/")[2]]
    own: Mapping[str, Any] = part.get("properties", {})
    return len(own) + sum(_properties(one, definitions) for one in own.values())
