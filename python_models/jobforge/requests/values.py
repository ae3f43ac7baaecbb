"""A value's canonical text, and whether a value is one that its attribute can have.

Ratings and numbers are plain decimals without trailing zeros (`4`, `3.25`), booleans `true` or
`false`, categories one of the allowed values exactly, texts as they are. The same rules hold for a
model's reply (JSON) and for a recorded answer (text).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from jobforge.redaction import one_line
from jobforge.requests.inputs import Attribute
from jobforge.requests.schema import TEXT_VALUE_LIMIT, is_whole_scale

__all__ = ["BadValueError", "canonical_value", "parse_value", "plain_number"]

_MOST_DIGITS = 30


class BadValueError(Exception):
    """The value is not one that the attribute can have; the message says why."""


def plain_number(number: Decimal) -> str:
    """Return a number as a plain decimal without trailing zeros."""
    text = f"{number.normalize():f}"
    return "0" if text == "-0" else text


def canonical_value(attribute: Attribute, value: object) -> str:
    """Return the canonical text of a value read from JSON (its numbers int or Decimal).

    Raises BadValueError where the attribute cannot have that value.
    """
    match attribute.value_type:
        case "boolean":
            if not isinstance(value, bool):
                raise BadValueError("value is not true or false")
            return "true" if value else "false"
        case "category":
            if not isinstance(value, str):
                raise BadValueError("value is not a text")
            if value not in attribute.allowed_values:
                raise BadValueError(f"value {_shown(value)} is not one of the allowed values")
            return value
        case "text":
            return _canonical_text(value)
        case "rating" | "number":
            return _canonical_number(attribute, value)


def parse_value(attribute: Attribute, text: str) -> str:
    """Return the canonical text of a value that is given as text.

    Raises BadValueError where the attribute cannot have that value.
    """
    value: object = text
    if attribute.value_type == "boolean":
        value = {"true": True, "false": False}.get(text.strip().lower(), text)
    elif attribute.value_type in ("rating", "number"):
        try:
            value = Decimal(text.strip())
        except InvalidOperation:
            raise BadValueError(f"value {_shown(text)} is not a number") from None
    return canonical_value(attribute, value)


def _canonical_text(value: object) -> str:
    if not isinstance(value, str):
        raise BadValueError("value is not a text")
    text = one_line(value, len(value) + 1)
    if not text:
        raise BadValueError("value is empty")
    if len(text) > TEXT_VALUE_LIMIT:
        raise BadValueError(f"value is longer than {TEXT_VALUE_LIMIT} characters")
    return text


def _canonical_number(attribute: Attribute, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadValueError("value is not a number")
    number = Decimal(value)
    if not number.is_finite() or (number != 0 and abs(number.adjusted()) > _MOST_DIGITS):
        raise BadValueError("value is not a number of a usable size")
    if len(number.as_tuple().digits) > _MOST_DIGITS:
        raise BadValueError("value has too many digits")
    if is_whole_scale(attribute) and number != number.to_integral_value():
        raise BadValueError(f"value {plain_number(number)} is not a whole number")
    low, high = attribute.scale_minimum, attribute.scale_maximum
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = " ".join(
            f"{word} {plain_number(bound)}"
            for word, bound in (("from", low), ("to", high))
            if bound is not None
        )
        raise BadValueError(f"value {plain_number(number)} is off its scale ({bounds})")
    return plain_number(number)


def _shown(text: str) -> str:
    return repr(one_line(text, 60))
