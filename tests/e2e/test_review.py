"""The way of docs/review.md, command by command: people decide, gold shows it, and it is undone."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jobforge.ledger import open_ledger
from openpyxl import load_workbook

from e2e.runs import ROOT, Warehouse

PAGE = ROOT / "docs" / "review.md"
WITHDRAWN = ("LW-003", "skills_science")
GOLD = "select * from gold_job_attributes order by job_id, attribute_id"
# A day on the page; in this test the builds are minutes apart.
PAST = "2026-07-01"
# What moves with every build.
_MOVES = ("dbt_invocation_id", "is_stale")

Row = dict[str, Any]
Cell = tuple[str, str]


def commands() -> list[str]:
    """The page's commands in their order."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@dataclass
class Walk:
    """What each command of the page said, and gold after each build."""

    said: list[tuple[str, int, str]] = field(default_factory=list)
    layers: list[dict[Cell, Row]] = field(default_factory=list)
    queues: list[list[Row]] = field(default_factory=list)
    exported: list[Row] = field(default_factory=list)
    changed: dict[Cell, str] = field(default_factory=dict)
    accepted: list[Cell] = field(default_factory=list)
    unsure: list[Cell] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def walk(copy_of_demo: Callable[..., Warehouse]) -> Iterator[Walk]:
    """The walk through the page, with the file filled in between its commands."""
    warehouse = copy_of_demo("reviewed", llm_mode="replay", backtest_cells=40)
    file = warehouse.folder / "cells.xlsx"
    walk = Walk()
    past = ""
    for command in commands():
        name, *words = shlex.split(command.replace("cells.xlsx", str(file)).replace(PAST, past))
        if name in ("make", "dbt"):
            # What the demo's build says of itself has tests of its own.
            kinds = ["unit_test"] if walk.said else ["unit_test", "test"]
            warehouse.dbt("build", "--exclude-resource-type", *kinds).ok()
            walk.said.append((command, 0, ""))
            past = past or datetime.now(UTC).isoformat()
            rows = warehouse.dicts(GOLD)
            walk.layers.append({(row["job_id"], row["attribute_id"]): row for row in rows})
            walk.queues.append(warehouse.dicts("select * from gold_review_queue"))
            continue
        if words == ["report"]:
            words.append(str(warehouse.folder / "report.html"))
        if words[:2] == ["review", "import"]:
            fill_in(file, walk)
        done = subprocess.run(
            [sys.executable, "-m", "jobforge.cli", *words],
            cwd=ROOT,
            env={
                **os.environ,
                "JOBFORGE_WAREHOUSE": str(warehouse.path),
                "JOBFORGE_LEDGER": str(warehouse.ledger),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        walk.said.append((command, done.returncode, done.stdout + done.stderr))
    for table in ("gold_review_agreement", "gold_review_accuracy", "gold_cell_history"):
        walk.tables[table] = warehouse.dicts(f"select * from {table}")
    with open_ledger(str(warehouse.ledger), read_only=True) as ledger:
        assert list(ledger.verify()) == []
    return walk


def fill_in(file: Path, walk: Walk) -> None:
    """Change three cells, accept ten, and say of one that it cannot be said."""
    book = load_workbook(file)
    sheet = book["Review"]
    places = {cell.value: cell.column for cell in sheet[1]}
    for number in range(2, sheet.max_row + 1):

        def cell(heading: str, number: int = number) -> Any:
            return sheet.cell(number, places[heading])

        shown = {name: cell(name).value for name in places}
        walk.exported.append(shown)
        key = (shown["Job id"], shown["Attribute id"])
        is_rating = shown["Possible values"] == "0 to 5"
        if key == WITHDRAWN or (is_rating and len(walk.changed) < 3):
            new = "5" if shown["Value now"] != "5" else "0"
            walk.changed[key] = new
            said = ("change", int(new))
        elif not walk.unsure:
            walk.unsure.append(key)
            said = ("cannot say", None)
        elif len(walk.accepted) < 10:
            walk.accepted.append(key)
            said = ("accept", None)
        else:
            continue
        cell("Decision").value, cell("New value").value = said
        cell("Reviewer").value, cell("Your reason").value = "A. Smith", "Asked the holder"
    book.save(file)


def test_every_command_of_the_page_works(walk: Walk) -> None:
    """Each ends well; the import says row by row what it took."""
    assert [(command, said) for command, code, said in walk.said if code] == []
    (imported,) = [said for command, _, said in walk.said if " import " in command]
    taken = len(walk.changed) + len(walk.accepted) + len(walk.unsure)
    assert f"{taken} rows taken, {taken} of them new; 0 not taken; {20 - taken}" in imported
    assert len(walk.exported) == 20
    assert WITHDRAWN in walk.changed


def test_what_was_changed_wins_and_nothing_else_moves(walk: Walk) -> None:
    """The three are REVIEW's with their reviewer; every other cell is as it was."""
    before, after, _ = walk.layers
    for cell, value in walk.changed.items():
        now = after[cell]
        assert (now["value"], now["source_type"]) == (value, "REVIEW")
        assert (now["fill_status"], now["reviewed_by"]) == ("review", "A. Smith")
        assert now["source_record"] == "reviewed by A. Smith: Asked the holder"
        assert now["review_reason"] == "Asked the holder"
        assert now["measured_confidence"] is None
    for cell in set(before) - set(walk.changed):
        assert seen(after[cell]) == seen(before[cell]), cell


def test_what_was_accepted_stays_its_sources_with_a_reviewer(walk: Walk) -> None:
    """Who accepted an answer stands beside it; who could not say does not."""
    before, after, _ = walk.layers
    reviewed = {cell for cell, row in after.items() if row["reviewed_by"]}
    assert reviewed == {*walk.changed, *walk.accepted}
    sources = {cell: after[cell]["source_type"] for cell in walk.accepted}
    assert sources == {cell: before[cell]["source_type"] for cell in walk.accepted}
    assert "LLM" in sources.values()


def test_a_withdrawal_brings_the_answer_back(walk: Walk) -> None:
    """The withdrawn cell is the model's again, to the letter, and the other two stay."""
    before, _, last = walk.layers
    assert seen(last[WITHDRAWN]) == seen(before[WITHDRAWN])
    assert last[WITHDRAWN]["reviewed_by"] is None
    still = {cell for cell, row in last.items() if row["source_type"] == "REVIEW"}
    assert still == set(walk.changed) - {WITHDRAWN}


def test_why_tells_who_said_what(walk: Walk) -> None:
    """The change, its reason and its withdrawal stand in the cell's story."""
    first, second, past = [said for command, _, said in walk.said if " why " in command]
    before = walk.layers[0][WITHDRAWN]
    assert f"  {before['value']}  LLM" in past
    assert "REVIEW" in first.split("Reviews")[0]
    assert "A. Smith: change" in first
    assert "Asked the holder" in first
    assert "withdraws A. Smith's change" in second
    assert "It was another job" in second
    assert "REVIEW" not in second.split("Reviews")[0]


def test_the_history_has_each_change_once(walk: Walk) -> None:
    """What was reviewed and what was withdrawn are events, and together they give the layers."""
    events = walk.tables["gold_cell_history"]
    kinds: dict[str, set[Cell]] = {}
    for row in events:
        kinds.setdefault(row["change_kind"], set()).add((row["job_id"], row["attribute_id"]))
    assert kinds == {
        "review_given": {*walk.changed, *walk.accepted},
        "review_withdrawn": {WITHDRAWN},
    }
    assert len(events) == len(walk.changed) + len(walk.accepted) + 1
    first, _, last = walk.layers
    for row in events:
        cell = (row["job_id"], row["attribute_id"])
        if row["change_kind"] == "review_given":
            assert (row["value_before"], row["source_type_before"]) == (
                first[cell]["value"],
                first[cell]["source_type"],
            )
        else:
            assert row["value_after"] == last[cell]["value"]
    (said,) = [said for command, _, said in walk.said if command == "jobforge diff"]
    assert "1 changes of 1 cells" in said or "1 change of 1 cell" in said
    assert "review_withdrawn" in said


def test_who_was_looked_at_leaves_the_queue(walk: Walk) -> None:
    """The queue has every cell once that nobody answers for, the larger expected error first."""
    first, second, last = (
        {(row["job_id"], row["attribute_id"]) for row in queue} for queue in walk.queues
    )
    looked_at = {*walk.changed, *walk.accepted, *walk.unsure}
    assert looked_at <= first
    assert not looked_at & second
    assert looked_at & last == {WITHDRAWN}
    ranked = sorted(
        (row for row in walk.queues[0] if row["queue_rank"]), key=lambda row: row["queue_rank"]
    )
    priorities = [row["priority"] for row in ranked]
    assert priorities == sorted(priorities, reverse=True)
    gold = walk.layers[0]
    open_cells = {
        cell for cell, row in gold.items() if row["source_type"] not in (None, "AUTHORITATIVE")
    }
    assert first == open_cells
    assert {row["reviewable_cells"] for row in ranked} == {len(open_cells)}
    for row in ranked:
        cell = gold[row["job_id"], row["attribute_id"]]
        assert (row["value"], row["source_type"]) == (cell["value"], cell["source_type"])
        sure = cell["measured_confidence"]
        basis = "measured" if sure is not None else "stated"
        sure = sure if sure is not None else cell["stated_confidence"]
        if row["error_basis"] != "published":
            assert row["error_basis"] == basis
            assert row["priority"] <= 1 - sure + 1e-9


def test_a_part_of_the_export_is_drawn_by_chance(walk: Walk) -> None:
    """Two of the twenty stand for all that are not among the eighteen."""
    drawn = [row["Drawn"] for row in walk.exported]
    assert (drawn.count("risk"), drawn.count("random")) == (18, 2)
    total = walk.queues[0][0]["reviewable_cells"]
    weights = [float(row["Weight"]) for row in walk.exported if row["Drawn"] == "random"]
    assert sum(weights) == pytest.approx(total - 18, rel=1e-4)


def test_accuracy_is_what_the_reviews_come_to(walk: Walk) -> None:
    """Recomputed from the file: apart by how cells were drawn, and weighted as a whole."""
    standing = {
        **dict.fromkeys(walk.accepted),
        **{cell: new for cell, new in walk.changed.items() if cell != WITHDRAWN},
    }
    expected: dict[tuple[str, str], list[tuple[float, float]]] = {}
    types = {cell: row["value_type"] for cell, row in walk.layers[0].items()}
    has_random = False
    for row in walk.exported:
        cell = (row["Job id"], row["Attribute id"])
        if cell not in standing or row["Source"] != "LLM":
            continue
        has_random |= row["Drawn"] == "random"
        truth = standing[cell] or row["Value now"]
        error = (
            abs(float(truth) - float(row["Value now"]))
            if types[cell] in ("rating", "number")
            else float(truth != row["Value now"])
        )
        kind = types[cell]
        expected.setdefault((row["Drawn"], kind), []).append((1.0, error))
        expected.setdefault(("all", kind), []).append((float(row["Weight"]), error))
    if not has_random:
        expected = {key: found for key, found in expected.items() if key[0] != "all"}
    found: dict[tuple[str, str], list[Row]] = {}
    for row in walk.tables["gold_review_accuracy"]:
        found.setdefault((row["drawn"], row["value_type"]), []).append(row)
    assert set(found) == set(expected)
    for key, rows in found.items():
        assert sum(row["cells"] for row in rows) == len(expected[key])
        if len(rows) == 1 and key[1] == "rating":
            weight = sum(one for one, _ in expected[key])
            mean = sum(one * error for one, error in expected[key]) / weight
            assert rows[0]["mae"] == pytest.approx(mean, rel=1e-4)
            assert rows[0]["is_thin"]


def test_the_model_is_compared_with_the_reviewer(walk: Walk) -> None:
    """One reviewer has a row beside the model for each value type."""
    rows = walk.tables["gold_review_agreement"]
    assert {(row["rater"], row["other_rater"]) for row in rows} == {("A. Smith", "LLM")}
    assert all(0 <= row["exact"] <= 1 for row in rows)


def seen(row: Row) -> Row:
    """What a reader of gold sees of a cell, whoever built it and whoever looked at it."""
    hidden = (*_MOVES, "reviewed_by", "reviewed_at", "review_reason")
    return {name: value for name, value in row.items() if name not in hidden}
