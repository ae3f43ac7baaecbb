"""The file that a person fills in: nothing in it is a formula, and what was typed comes back."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobforge.requests.inputs import Attribute
from jobforge.review.delimited import read_delimited, write_delimited
from jobforge.review.sheet import COLUMNS, FilledRow, ReviewFileError, possible_values, seal
from jobforge.review.workbook import read_workbook, write_workbook
from openpyxl import load_workbook

RATING = Attribute("numeracy", "Numeracy", "skills", "Counts.", "rating", Decimal(0), Decimal(5))
CATEGORY = Attribute(
    "place", "Place", "own", "Where.", "category", allowed_values=("on site", "=remote", "1")
)
STEERING = ["=1+1", "+1", "-1", "@SUM(A1)", "\ttab", "'=quoted", "'plain", '=HYPERLINK("x")']


def texts(**changes: str | None) -> dict[str, str | None]:
    """Return a row as an export has it."""
    row: dict[str, str | None] = dict.fromkeys(COLUMNS)
    row |= {"job_id": "J1", "attribute_id": "numeracy", "shown_value": "2", "export_id": "e1"}
    row |= {"shown_source": "LLM", "drawn": "risk", "weight": "1"} | changes
    return row | {"seal": seal(row)}


def filled(path: Path, row: int, **typed: Any) -> None:
    """Type into a workbook as a person does."""
    book = load_workbook(path)
    sheet = book["Review"]
    places = {cell.value: cell.column for cell in sheet[1]}
    for name, value in typed.items():
        sheet.cell(row, places[COLUMNS[name]]).value = value
    book.save(path)


@pytest.mark.parametrize("text", STEERING)
@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_no_text_is_a_formula(tmp_path: Path, text: str, kind: str) -> None:
    """Text that a spreadsheet would reckon with is text there, and comes back as it was."""
    path = tmp_path / f"cells.{kind}"
    row = texts(job_id=f"x{text}", rationale=text, attribute_name=text)
    if kind == "xlsx":
        write_workbook(path, [(row, RATING)])
        cells = [cell for line in load_workbook(path)["Review"].iter_rows() for cell in line]
        assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
        assert all(cell.quotePrefix for cell in cells if str(cell.value)[:1] in ("=", "+", "@"))
        found = list(read_workbook(path))
    else:
        write_delimited(path, [row])
        with path.open(encoding="utf-8-sig", newline="") as file:
            written = list(csv.reader(file))[1]
        assert not [one for one in written if one[:1] in tuple("=+-@\t\r")]
        found = list(read_delimited(path))
    assert found == [FilledRow(2, {name: (one or "").strip() or None for name, one in row.items()})]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), max_size=3))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, given: list[str]) -> None:
    """Whatever stands in a table survives the way through both kinds of file."""
    folder = tmp_path_factory.mktemp("files")
    rows = [texts(rationale=text, job_title=text[::-1]) for text in given]
    stripped = [
        FilledRow(n, {name: (one or "").strip() or None for name, one in row.items()})
        for n, row in enumerate(rows, 2)
    ]
    write_workbook(folder / "cells.xlsx", [(row, RATING) for row in rows])
    assert list(read_workbook(folder / "cells.xlsx")) == stripped
    write_delimited(folder / "cells.csv", rows)
    assert list(read_delimited(folder / "cells.csv")) == stripped


def test_what_was_typed_comes_back(tmp_path: Path) -> None:
    """Numbers, truths and texts are read as their text."""
    path = tmp_path / "cells.xlsx"
    write_workbook(path, [(texts(), RATING)] * 4)
    for row, value in enumerate((3, 2.5, True, " high "), 2):
        filled(path, row, value=value, decision="change")
    assert [row.texts["value"] for row in read_workbook(path)] == ["3", "2.5", "true", "high"]


def test_a_row_may_end_where_it_is_filled(tmp_path: Path) -> None:
    """A workbook that another program saved without its size, and without empty ends of rows."""
    path, saved = tmp_path / "cells.xlsx", tmp_path / "saved.xlsx"
    write_workbook(path, [(texts(), RATING), (texts(seal=None), RATING)])
    with ZipFile(path) as book, ZipFile(saved, "w") as other:
        for name in book.namelist():
            content = book.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content, sizes = re.subn(rb"<dimension [^>]*/>", b"", content)
                content, ends = re.subn(
                    rb'<c r="[K-Z]3"[^>]*?(?:/>|>.*?</c>)', b"", content, flags=re.DOTALL
                )
                assert sizes == 1
                assert ends > 1
            other.writestr(name, content)
    whole, short = read_workbook(saved)
    assert whole.texts["seal"] == texts()["seal"]
    assert (short.texts["job_id"], short.texts["seal"]) == ("J1", None)


def test_a_date_is_refused(tmp_path: Path) -> None:
    """What a spreadsheet made a date of is named with its row and column."""
    path = tmp_path / "cells.xlsx"
    write_workbook(path, [(texts(), RATING)])
    from datetime import date

    filled(path, 2, value=date(2026, 3, 1))
    with pytest.raises(ReviewFileError, match=r"row 2, column 'New value': 2026-03-01 is a date"):
        list(read_workbook(path))


def test_possible_values_are_offered(tmp_path: Path) -> None:
    """Each cell offers the values of its own attribute; the frozen header stays in sight."""
    path = tmp_path / "cells.xlsx"
    write_workbook(path, [(texts(), RATING), (texts(), CATEGORY), (texts(), RATING)])
    book = load_workbook(path)
    sheet = book["Review"]
    offered = {}
    for one in sheet.data_validations.dataValidation:
        for place in one.sqref.ranges:
            offered[str(place)] = one.formula1
    value = next(cell.column_letter for cell in sheet[1] if cell.value == "New value")

    def listed(place: str) -> list[Any]:
        name, _, span = offered[place].rpartition("!")
        return [cell.value for (cell,) in book[name.strip("'")][span.replace("$", "")]]

    ranges = {place: formula for place, formula in offered.items() if place[0] == value}
    assert len(ranges) >= 2
    assert listed(next(p for p in ranges if "2" in p))[1:4] == [1, 2, 3]
    assert listed(next(p for p in ranges if "3" in p)) == ["on site", "=remote", "1"]
    assert sheet.freeze_panes.endswith("2")
    assert sheet.column_dimensions["X"].hidden


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_spreadsheet_may_save_it_with_other_separators(tmp_path: Path, separator: str) -> None:
    """Where commas are decimal signs a spreadsheet separates with semicolons."""
    path = tmp_path / "cells.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerows([COLUMNS.values(), [texts().get(name) for name in COLUMNS]])
    assert [row.texts["job_id"] for row in read_delimited(path)] == ["J1"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Job id,Decision\n", "row 1 has no column Job title"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"", "row 1 has no column"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """A file that no export made says what is wrong with it."""
    path = tmp_path / "cells.csv"
    path.write_bytes(content)
    with pytest.raises(ReviewFileError, match=said):
        list(read_delimited(path))
    path = tmp_path / "cells.xlsx"
    path.write_bytes(content)
    with pytest.raises(ReviewFileError, match="cannot be read as an Excel workbook"):
        list(read_workbook(path))


def test_possible_values_are_said_in_words() -> None:
    """A person without training reads what may be given."""
    assert possible_values(RATING) == "0 to 5"
    assert possible_values(CATEGORY) == "on site, =remote, 1"
    days = Attribute("days", "Days", "own", "Of travel.", "number", Decimal(0), None, (), "days")
    assert possible_values(days) == "a number days"
