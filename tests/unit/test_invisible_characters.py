"""What nobody sees: the same characters for the tables, dbt's messages and the package."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import duckdb
from jobforge.redaction import visible

ROOT = Path(__file__).parents[2]
MACRO = ROOT / "macros" / "inputs" / "invisible_characters.sql"
# Line ends and tabs are for the package to make visible; no text of a table has a half surrogate.
SEEN_IN_TABLES = {"\r", *map(chr, range(0xD800, 0xE000))}


def class_of_the_tables() -> str:
    """The character class as the macro has it."""
    text = MACRO.read_text(encoding="utf-8")
    found = re.search(r"macro invisible_class\(\) -%\}(.*?)\{%- endmacro", text, re.DOTALL)
    assert found
    return re.sub(r"\s*\{\{-? \"\" -?\}\}\s*", "", found[1]).strip()


def test_tables_and_package_agree_on_every_character() -> None:
    """SQL takes off what the package shows as escapes, and nothing else."""
    everything = [chr(code) for code in range(1, sys.maxunicode + 1)]
    shown = {letter for letter in everything if visible(letter) != letter} - SEEN_IN_TABLES
    with duckdb.connect() as connection:
        connection.execute(
            "create table letters as select code, chr(code) as letter"
            " from (select unnest(range(1, 1114112))::integer as code)"
            " where code not between 55296 and 57343"
        )
        rows = connection.execute(
            "select code from letters where regexp_matches(letter, $1)", [class_of_the_tables()]
        ).fetchall()
    assert {chr(code) for (code,) in rows} == shown
    assert len(shown) > 4096
