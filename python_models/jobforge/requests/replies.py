"""What a reply is worth, cell by cell.

Every server's reply is checked in full, whatever the server promised. A cell that does not hold is
a BadCell with its reason; it never spoils its neighbours and never becomes a value. Confidence is
taken at any height.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from jobforge.errors import UnreadableReplyError
from jobforge.reasons import Reason, ReasonCode
from jobforge.redaction import one_line
from jobforge.requests.dialects import SchemaForm, number_of
from jobforge.requests.inputs import Attribute
from jobforge.requests.schema import scale_steps
from jobforge.requests.values import BadValueError, canonical_value

__all__ = ["BadCell", "GoodCell", "read_cells", "read_object", "unwrapped"]

_RATIONALE_LIMIT = 300
_AROUND = "\ufeff \t\r\n"
_FENCE = re.compile(r"```[\w+-]*[ \t]*\r?\n(.*)\r?\n?```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class GoodCell:
    """An answer: a canonical value, a confidence from 0 to 1, and the reason, empty without one."""

    value: str
    confidence: float
    rationale: str


@dataclass(frozen=True, slots=True)
class BadCell:
    """Not an answer, and why."""

    reason: Reason


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object that a text is, numbers as int or Decimal.

    The object may be wrapped: in one code fence, after a closed `<think>` block, behind a BOM.
    Raises UnreadableReplyError for anything else: broken JSON, a name that is there twice, NaN,
    an array or a bare value.
    """
    try:
        value = json.loads(
            unwrapped(text),
            object_pairs_hook=_unrepeated,
            parse_float=Decimal,
            parse_constant=_no_constant,
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise UnreadableReplyError(f"unreadable: {one_line(str(error), 120)}") from None
    if not isinstance(value, dict):
        raise UnreadableReplyError("unreadable: the reply is not a JSON object")
    return value


def read_cells(
    text: str,
    attributes: Sequence[Attribute],
    schema_form: SchemaForm = "integers",
    *,
    with_rationale: bool = True,
) -> dict[str, GoodCell | BadCell]:
    """Return the cell of every attribute that was asked for, by its id.

    schema_form: how the schema was written that the reply should keep to. with_rationale: whether
    reasons were asked for; without them they are empty. Attributes that were not asked for are left
    out. Raises UnreadableReplyError where the reply as a whole cannot be read.
    """
    reply = read_object(text)
    cells = {a.attribute_id: _cell(a, reply, schema_form, with_rationale) for a in attributes}
    if _counts_to_one([reply.get(name) for name in cells]):
        # Then a 1 is no hundredth.
        for name, cell in cells.items():
            if isinstance(cell, GoodCell) and cell.confidence in (0, 0.01):
                cells[name] = _malformed("confidence is counted from 0 to 1, not in per cent")
    return cells


def _counts_to_one(cells: list[object]) -> bool:
    """Say whether all confidences of a reply are from 0 to 1 and some are no whole numbers."""
    given = [cell.get("confidence") for cell in cells if isinstance(cell, dict)]
    numbers = [one for one in given if isinstance(one, int | Decimal)]
    return all(0 <= one <= 1 for one in numbers) and any(one % 1 for one in numbers)


def _is_per_cent(confidence: int | Decimal) -> bool:
    # Its size comes first: to write out 1e1000000 takes half a minute.
    if not 0 <= confidence <= 100 or confidence != int(confidence):
        return False
    # A 1.0 is the end of a scale from 0 to 1 and no hundredth.
    return not (isinstance(confidence, Decimal) and confidence == 1)


def unwrapped(text: str) -> str:
    """Return what a reply says without what some servers put around it; nothing else is taken off.

    Every value is checked afterwards as in any reply.
    """
    text = text.lstrip(_AROUND)
    while text.startswith("<think>") and "</think>" in text:
        text = text.partition("</think>")[2].lstrip(_AROUND)
    fenced = _FENCE.fullmatch(text.rstrip())
    return fenced[1] if fenced else text


def _cell(
    attribute: Attribute, reply: dict[str, Any], schema_form: SchemaForm, with_rationale: bool
) -> GoodCell | BadCell:
    if attribute.attribute_id not in reply:
        return BadCell(Reason(ReasonCode.LEFT_OUT, "the reply leaves this attribute out"))
    cell = reply[attribute.attribute_id]
    if not isinstance(cell, dict):
        return _malformed("the attribute's answer is not an object")
    asked = ("rationale", "value", "confidence") if with_rationale else ("value", "confidence")
    missing = [name for name in asked if name not in cell]
    if missing:
        return _malformed(f"the answer has no {' and no '.join(missing)}")
    confidence = number_of(cell["confidence"], schema_form)
    if isinstance(confidence, bool) or not isinstance(confidence, int | Decimal):
        return _malformed("confidence is not a number")
    if not _is_per_cent(confidence):
        return _malformed("confidence is not a whole number from 0 to 100")
    rationale = cell["rationale"] if with_rationale else ""
    if not isinstance(rationale, str):
        return _malformed("rationale is not a text")
    rationale = one_line(rationale, _RATIONALE_LIMIT)
    if with_rationale and not rationale:
        return _malformed("rationale is empty")
    try:
        value = cell["value"]
        if scale_steps(attribute):
            value = number_of(value, schema_form)
        value = canonical_value(attribute, value)
    except BadValueError as error:
        return BadCell(Reason(ReasonCode.VALUE_OFF_TYPE, str(error)))
    return GoodCell(value, int(confidence) / 100, rationale)


def _malformed(text: str) -> BadCell:
    return BadCell(Reason(ReasonCode.ANSWER_MALFORMED, text))


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return names


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
