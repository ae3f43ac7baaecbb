"""Every reply is checked by ourselves, cell by cell."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from jobforge.errors import UnreadableReplyError
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.inputs import Attribute
from jobforge.requests.replies import BadCell, GoodCell, read_cells, read_object
from jobforge.requests.schema import response_schema
from jobforge.requests.values import BadValueError, canonical_value, parse_value, plain_number
from support.builders import ATTRIBUTES, LEADERSHIP, READING, SHIFTS, TOOLS, TRAVEL
from support.loopback_server import instance_of


def cell(value: object = 3, confidence: object = 80, rationale: object = "Because.") -> Any:
    return {"rationale": rationale, "value": value, "confidence": confidence}


def read(given: object, attribute: Attribute = READING) -> GoodCell | BadCell:
    text = json.dumps({attribute.attribute_id: given})
    return read_cells(text, [attribute])[attribute.attribute_id]


def test_an_instance_of_the_schema_is_accepted_whole() -> None:
    """What a server that obeys the schema sends passes every check."""
    for seed in range(50):
        reply = instance_of(response_schema(ATTRIBUTES, text_bounds=True), str(seed))
        cells = read_cells(json.dumps(reply), ATTRIBUTES)
        assert all(isinstance(one, GoodCell) for one in cells.values())


@pytest.mark.parametrize("confidence", [0, 1, 50, 99, 100])
def test_confidence_of_any_height_is_accepted(confidence: int) -> None:
    """No answer is turned away for its confidence, which becomes a share."""
    assert read(cell(confidence=confidence)) == GoodCell("3", confidence / 100, "Because.")


@pytest.mark.parametrize("confidence", [-1, 101, 0.85, "80", None, True, 1e300, [50]])
def test_confidence_of_another_form_fails_the_cell(confidence: object) -> None:
    """A confidence that is not a whole per cent is not guessed at."""
    assert isinstance(read(cell(confidence=confidence)), BadCell)


@pytest.mark.parametrize(
    ("attribute", "value", "canonical"),
    [
        (READING, 0, "0"),
        (READING, 5, "5"),
        (READING, 4.0, "4"),
        (TRAVEL, 3.250, "3.25"),
        (TRAVEL, 100, "100"),
        (TRAVEL, 0.0, "0"),
        (TRAVEL, 1e-3, "0.001"),
        (LEADERSHIP, "team lead", "team lead"),
        (SHIFTS, True, "true"),
        (SHIFTS, False, "false"),
        (TOOLS, "  Excel,\n SAP ", "Excel, SAP"),
        (TOOLS, "Café, Œuvre", "Café, Œuvre"),
    ],
)
def test_values_become_canonical_text(attribute: Attribute, value: object, canonical: str) -> None:
    """Each type has one canonical text."""
    good = read(cell(value), attribute)
    assert isinstance(good, GoodCell)
    assert good.value == canonical


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        (READING, 6),
        (READING, -1),
        (READING, 3.5),
        (READING, "3"),
        (READING, True),
        (READING, None),
        (READING, [3]),
        (TRAVEL, 365.5),
        (TRAVEL, "12"),
        (TRAVEL, 1e300),
        (TRAVEL, 1e-300),
        (TRAVEL, False),
        (LEADERSHIP, "Manager"),
        (LEADERSHIP, "manager "),
        (LEADERSHIP, ""),
        (LEADERSHIP, 1),
        (SHIFTS, "true"),
        (SHIFTS, 1),
        (SHIFTS, None),
        (TOOLS, ""),
        (TOOLS, " \n "),
        (TOOLS, "x" * 201),
        (TOOLS, 7),
        (TOOLS, {"a": 1}),
    ],
)
def test_a_value_outside_its_type_fails_the_cell(attribute: Attribute, value: object) -> None:
    """A value off its scale, its list or its type is never a value, and the reason says so."""
    bad = read(cell(value), attribute)
    assert isinstance(bad, BadCell)
    assert "value" in bad.reason.text
    assert bad.reason.code is ReasonCode.VALUE_OFF_TYPE


@pytest.mark.parametrize("rationale", ["", "  ", None, 3, ["x"]])
def test_an_answer_needs_a_reason(rationale: object) -> None:
    """A cell without a rationale is not an answer."""
    assert isinstance(read(cell(rationale=rationale)), BadCell)


def test_a_long_rationale_is_cut_not_refused() -> None:
    """A rationale of any length is kept on one line of at most 300 characters."""
    good = read(cell(rationale="word \n" * 500))
    assert isinstance(good, GoodCell)
    assert len(good.rationale) <= 300
    assert "\n" not in good.rationale


def test_half_a_character_does_not_break_the_run() -> None:
    """A lone surrogate, which UTF-8 cannot hold, is replaced."""
    good = read(cell("Excel \ud83d", rationale="yes \ud83d"), TOOLS)
    assert isinstance(good, GoodCell)
    assert (good.value + good.rationale).encode("utf-8")


@pytest.mark.parametrize("given", [3, "3", None, [], {}, {"value": 3}])
def test_a_cell_of_another_form_fails(given: object) -> None:
    """What is not rationale, value and confidence is no cell."""
    assert isinstance(read(given), BadCell)


def test_a_bad_cell_does_not_spoil_its_neighbours() -> None:
    """One bad and one missing attribute leave the third one an answer."""
    text = json.dumps({"reading": cell(9), "leadership": cell("manager"), "other": cell()})
    cells = read_cells(text, [READING, LEADERSHIP, SHIFTS])
    assert isinstance(cells["reading"], BadCell)
    assert cells["leadership"] == GoodCell("manager", 0.8, "Because.")
    assert cells["shifts"] == BadCell(
        Reason(ReasonCode.LEFT_OUT, "the reply leaves this attribute out")
    )
    assert "other" not in cells


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "3",
        "[]",
        '"text"',
        "{",
        '{"reading": }',
        '{"reading": 1} {"reading": 2}',
        '```json\n{"reading": 1}\n``` and so on',
        '<think>it never ends {"reading": 1}',
        'Sure! ```json\n{"reading": 1}\n```',
        '{"reading": NaN}',
        '{"reading": Infinity}',
        '{"reading": 1, "reading": 2}',
        '{"reading": {"value": 1, "value": 2}}',
        '{"reading": ' + "9" * 5000 + "}",
        '{"reading": 1e99999999999999999999}',
        "[" * 100_000,
    ],
)
def test_what_is_not_one_json_object_is_unreadable(text: str) -> None:
    """Broken JSON, a repeated name, NaN, absurd numbers or depth: nothing of it is read."""
    with pytest.raises(UnreadableReplyError, match=r"^unreadable: .{1,130}$"):
        read_cells(text, [READING])


@pytest.mark.parametrize("digits", ["1e999999999", "-1e999999999", "1e-999999999"])
def test_a_huge_number_costs_nothing(digits: str) -> None:
    """A number of absurd size is turned away before it is written out."""
    text = f'{{"reading": {{"rationale": "r", "value": {digits}, "confidence": 5}}}}'
    assert isinstance(read_cells(text, [READING])["reading"], BadCell)
    text = f'{{"reading": {{"rationale": "r", "value": 1, "confidence": {digits}}}}}'
    assert isinstance(read_cells(text, [READING])["reading"], BadCell)


@pytest.mark.parametrize(
    ("attribute", "text", "canonical"),
    [(READING, " 4.00 ", "4"), (SHIFTS, "True", "true"), (TRAVEL, "1e2", "100")],
)
def test_recorded_text_has_the_same_canonical_form(
    attribute: Attribute, text: str, canonical: str
) -> None:
    """A value given as text has the same canonical text as the one from JSON."""
    assert parse_value(attribute, text) == canonical


@pytest.mark.parametrize(
    ("attribute", "text"),
    [(READING, "6"), (READING, "NaN"), (READING, ""), (SHIFTS, "yes"), (LEADERSHIP, "boss")],
)
def test_recorded_text_is_checked_like_a_reply(attribute: Attribute, text: str) -> None:
    """A recorded value that the attribute cannot have is refused."""
    with pytest.raises(BadValueError):
        parse_value(attribute, text)


def test_plain_numbers_have_no_exponent_and_no_trailing_zeros() -> None:
    """Numbers are written out plainly."""
    numbers = ["1E+2", "3.2500", "-0.0", "0.00001", "12"]
    assert [plain_number(Decimal(number)) for number in numbers] == [
        "100",
        "3.25",
        "0",
        "0.00001",
        "12",
    ]


def test_canonical_value_of_canonical_text_is_itself() -> None:
    """Reading a canonical text again changes nothing."""
    for attribute, value in ((READING, 4), (TRAVEL, Decimal("2.5")), (SHIFTS, True), (TOOLS, "a")):
        text = canonical_value(attribute, value)
        assert parse_value(attribute, text) == text


@pytest.mark.parametrize(
    "text",
    [
        '\ufeff{"reading": 1}',
        '```json\n{"reading": 1}\n```',
        '```\r\n{"reading": 1}\r\n```\n',
        '<think>\n{"reading": 5} or not?\n</think>\n\n{"reading": 1}',
        '<think></think>```json\n{"reading": 1}```',
    ],
)
def test_an_object_is_found_in_what_servers_wrap_it_in(text: str) -> None:
    """A BOM, one code fence, a closed block of thoughts: they are taken off, and nothing else."""
    assert read_object(text) == {"reading": 1}


def test_a_confidence_from_0_to_1_is_none_in_per_cent() -> None:
    """Where all are from 0 to 1 and one is a fraction, another's 1 is no hundredth."""
    attributes = [Attribute(name, name, "skills", "", "text") for name in ("a", "b")]

    def kinds(*confidences: float) -> list[type]:
        cells = {
            one.attribute_id: {"rationale": "r", "value": "x", "confidence": confidence}
            for one, confidence in zip(attributes, confidences, strict=True)
        }
        return [type(cell) for cell in read_cells(json.dumps(cells), attributes).values()]

    assert kinds(0.9, 1) == [BadCell, BadCell]
    assert kinds(0.9, 0) == [BadCell, BadCell]
    assert kinds(0.9, 50) == [BadCell, GoodCell]
    assert kinds(0, 1) == [GoodCell, GoodCell]
    assert kinds(1.0, 50.0) == [BadCell, GoodCell]
