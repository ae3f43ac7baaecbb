"""The file as Excel has it: choices as drop-downs, the rest of a row protected by its seal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, MergedCell
from openpyxl.cell.cell import Cell as SheetCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from jobforge.requests.inputs import Attribute
from jobforge.review.sheet import (
    COLUMNS,
    DECISIONS,
    FILLED_IN,
    HIDDEN,
    FilledRow,
    ReviewFileError,
    choices,
    text_of,
)

__all__ = ["read_workbook", "write_workbook"]

Texts = Mapping[str, str | None]

_SHEET, _LISTS, _HELP = "Review", "Allowed values", "How to"
_NAMES = list(COLUMNS)
_WIDTHS = {"description": 36, "rationale": 44, "comparable_values": 36, "candidates": 36}
_TO_FILL = PatternFill("solid", fgColor="FFF6DD")
_HEADING = PatternFill("solid", fgColor="1F3A4D")
_STEERS = ("=", "+", "-", "@")
_HOW_TO = (
    "One row is one value that nobody of your organisation has confirmed yet.",
    "Decision: accept where the value now is right; change where another is, and give it under"
    " New value; cannot say where you do not know. Leave it empty where you did not look.",
    "Reviewer: your name. Your reason: one sentence, for a change at least.",
    "Nothing else is read. Save, and hand the file back: jobforge review import FILE",
)


def write_workbook(path: Path, rows: Sequence[tuple[Texts, Attribute]]) -> None:
    """Write one row a cell; each comes with the definition of its attribute."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = _SHEET
    for number, (name, heading) in enumerate(COLUMNS.items(), 1):
        _write(sheet.cell(1, number), heading)
        sheet.cell(1, number).font = Font(bold=True, color="FFFFFF")
        sheet.cell(1, number).fill = _HEADING
        column = sheet.column_dimensions[get_column_letter(number)]
        column.width = _WIDTHS.get(name, 16)
        column.hidden = name in HIDDEN
    for place, (texts, _) in enumerate(rows, 2):
        for number, name in enumerate(_NAMES, 1):
            _write(sheet.cell(place, number), texts.get(name))
            sheet.cell(place, number).alignment = Alignment(wrap_text=True, vertical="top")
            if name in FILLED_IN:
                sheet.cell(place, number).fill = _TO_FILL
    sheet.freeze_panes = f"{get_column_letter(_NAMES.index('job_family') + 1)}2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(_NAMES))}{len(rows) + 1}"
    _offer_choices(book, sheet, [attribute for _, attribute in rows])
    guide = book.create_sheet(_HELP)
    guide.column_dimensions["A"].width = 100
    for number, line in enumerate(_HOW_TO, 1):
        _write(guide.cell(number, 1), line)
        guide.cell(number, 1).alignment = Alignment(wrap_text=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        book.save(path)
    except OSError as error:
        raise ReviewFileError(f"{path} cannot be written: {error.strerror}") from None


def _write(cell: SheetCell | MergedCell, text: str | None) -> None:
    if text is None or isinstance(cell, MergedCell):
        return
    cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", text)
    cell.data_type = "s"
    # What a spreadsheet would take for a formula once somebody edits it stays text.
    cell.quotePrefix = text.startswith(_STEERS)


def _offer_choices(book: Workbook, sheet: Worksheet, attributes: Sequence[Attribute]) -> None:
    decision = get_column_letter(_NAMES.index("decision") + 1)
    value = get_column_letter(_NAMES.index("value") + 1)
    decided = DataValidation(type="list", formula1=f'"{",".join(DECISIONS)}"', allow_blank=True)
    decided.error = f"Choose one of: {', '.join(DECISIONS)}"
    sheet.add_data_validation(decided)
    lists = book.create_sheet(_LISTS)
    lists.sheet_state = "hidden"
    offered: dict[tuple[str, ...], DataValidation] = {}
    for place, attribute in enumerate(attributes, 2):
        decided.add(f"{decision}{place}")
        listed = choices(attribute)
        if listed is None:
            continue
        key = tuple(listed)
        if key not in offered:
            column = get_column_letter(len(offered) + 1)
            for number, one in enumerate(listed, 1):
                # A number is offered as one, or a number that somebody types is none of the list.
                if attribute.value_type == "rating":
                    lists[f"{column}{number}"] = int(one)
                else:
                    _write(lists[f"{column}{number}"], one)
            source = f"'{_LISTS}'!${column}$1:${column}${len(listed)}"
            offered[key] = DataValidation(type="list", formula1=source, allow_blank=True)
            offered[key].error = "Choose one of the possible values"
            sheet.add_data_validation(offered[key])
        offered[key].add(f"{value}{place}")


def read_workbook(path: Path) -> Iterator[FilledRow]:
    """Yield the rows of a filled file with their numbers there; raises ReviewFileError."""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, BadZipFile, InvalidFileException, KeyError) as error:
        raise ReviewFileError(f"{path} cannot be read as an Excel workbook: {error}") from None
    try:
        if _SHEET not in book.sheetnames:
            raise ReviewFileError(f"{path} has no sheet {_SHEET!r}: it is none of `review export`")
        rows = book[_SHEET].iter_rows(values_only=True)
        headings = {str(text).strip(): n for n, text in enumerate(next(rows, ()))}
        missing = [text for text in COLUMNS.values() if text not in headings]
        if missing:
            raise ReviewFileError(
                f"{path}, sheet {_SHEET!r}: row 1 has no column {', '.join(missing)}; export anew"
            )
        for number, row in enumerate(rows, 2):
            # Some programs write a row as far as it is filled.
            cells = dict(enumerate(row))
            yield FilledRow(
                number,
                {
                    name: text_of(
                        cells.get(headings[text]), f"{path}, row {number}, column {text!r}"
                    )
                    for name, text in COLUMNS.items()
                },
            )
    finally:
        book.close()
