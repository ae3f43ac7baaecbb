"""The codes of reasons: one closed list, in the package, in SQL and on the page."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from jobforge import errors
from jobforge.reasons import Reason, ReasonCode, code_of, reason_of

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / "seeds/reference/fill_reason_codes.csv"
PAGE = (ROOT / "docs/cascade.md").read_text(encoding="utf-8")
LISTED = [(code.value, status, code.meaning) for code in ReasonCode for status in code.statuses]
# What reads a reason or a fault as a sentence.
SENTENCES = re.compile(
    r"\breason(?:\.text)?\.(?:startswith|endswith|find|split)\("
    r"|re\.\w+\([^)]*\breason"
    r"|\b(?:fill_)?reason (?:like|similar to|~) "
    r"|\b(?:fault|problem) like "
)


def test_the_seed_is_the_packages_list() -> None:
    """SQL's closed list has the package's codes, each with its statuses and what it says."""
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert rows == LISTED


def test_the_page_lists_every_code() -> None:
    """The table of the cascade's page has every code with its statuses and what it says."""
    rows = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| `")]
    found = [
        (code.strip().strip("`"), status, says.strip())
        for code, statuses, says in (row for row in rows if len(row) == 3)
        for status in re.findall(r"`(\w+)`", statuses)
    ]
    assert found == LISTED


def test_codes_are_told_by_their_names() -> None:
    """A code is its name in lower case, says itself in one line and knows how a cell ends."""
    for code in ReasonCode:
        assert code.value == code.name.lower()
        assert re.fullmatch(r"[A-Zl][^\n]{5,110}\.", code.meaning), code
        assert set(code.statuses) <= {"awaiting_llm", "refused", "failed", "set_aside"}
        assert code.statuses


KINDS = [
    getattr(errors, name)
    for name in errors.__all__
    if issubclass(getattr(errors, name), errors.ApiError | errors.ReplyError)
]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.__subclasses__()])
def test_every_fault_of_a_server_has_a_code_of_its_own(kind: type[errors.ApiError]) -> None:
    """By the error's class, whatever its message says."""
    codes = [code_of(other("rate limited: refused")) for other in KINDS if other is not kind]
    code = code_of(kind("truncated"))
    assert code not in codes
    assert code is not ReasonCode.OTHER_FAULT


def test_a_reason_reads_as_its_sentence() -> None:
    """In a message a reason is the sentence alone."""
    reason = reason_of(errors.TruncatedError("truncated: too long"))
    assert reason == Reason(ReasonCode.TRUNCATED, "truncated: too long")
    assert f"LLM: {reason}" == "LLM: truncated: too long"


def _decides_by_words() -> list[str]:
    found = []
    for folder in ("python_models", "models", "macros"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".sql"):
                text = path.read_text(encoding="utf-8")
                found += [f"{path.name}: {hit[0]}" for hit in SENTENCES.finditer(text)]
    return found


def test_no_code_finds_its_way_by_a_sentence() -> None:
    """Neither Python nor SQL looks into the words of a reason to decide."""
    assert _decides_by_words() == []


@pytest.mark.parametrize(
    "line",
    [
        "if reason.startswith('in batch '):",
        "if reason.text.endswith('later'):",
        "_CAP = re.findall(r'raise', reason)",
        "where fill_reason like 'the cap %'",
        "problem is null or problem like 'unit_group: %' as is_usable",
    ],
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    """The search above knows a sentence that steers where it sees one."""
    assert SENTENCES.search(line)
