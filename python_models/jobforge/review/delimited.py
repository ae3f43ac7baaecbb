"""The file as CSV: a text that a spreadsheet would take for a formula has a quote before it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jobforge.review.sheet import COLUMNS, FilledRow, ReviewFileError, text_of

__all__ = ["read_delimited", "write_delimited"]

_STEERS = ("=", "+", "-", "@", "\t", "\r", "'")


def write_delimited(path: Path, rows: Sequence[Mapping[str, str | None]]) -> None:
    """Write one line a cell, UTF-8 with the mark by which a spreadsheet knows it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS.values())
            writer.writerows([_quoted(row.get(name)) for name in COLUMNS] for row in rows)
    except OSError as error:
        raise ReviewFileError(f"{path} cannot be written: {error.strerror}") from None


def read_delimited(path: Path) -> Iterator[FilledRow]:
    """Yield the rows of a filled file with their numbers there; raises ReviewFileError.

    Commas, semicolons and tabs separate, by the first line; a spreadsheet saves what it likes.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ReviewFileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ReviewFileError(
            f"{path} is not UTF-8 (byte {error.start}): save it as `CSV UTF-8`"
        ) from None
    first = content.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    lines = csv.reader(content.splitlines(keepends=True), delimiter=separator)
    headings = {text.strip(): n for n, text in enumerate(next(lines, []))}
    missing = [text for text in COLUMNS.values() if text not in headings]
    if missing:
        raise ReviewFileError(f"{path}: row 1 has no column {', '.join(missing)}; export anew")
    for number, line in enumerate(lines, 2):
        if len(line) < len(headings):
            raise ReviewFileError(
                f"{path}, row {number}: {len(line)} fields, not {len(headings)}; export anew"
            )
        yield FilledRow(
            number,
            {name: text_of(_plain(line[headings[text]]), "") for name, text in COLUMNS.items()},
        )


def _quoted(text: str | None) -> str:
    return f"'{text}" if text and text.startswith(_STEERS) else text or ""


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_STEERS) else text
