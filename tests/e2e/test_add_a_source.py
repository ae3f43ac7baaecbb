"""The page on adding a source, built: a survey ranked between AUTHORITATIVE and O*NET."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from e2e.runs import ROOT, Run, Warehouse

PAGE = ROOT / "docs" / "add_a_source.md"
GOLD = "main.gold_job_attributes"
PROVENANCE = "main.gold_job_attribute_provenance"
# A cell that HR or OaSIS fills, one that O*NET fills, one that the model is asked for.
STATED = ("LW-003", "skills_troubleshooting")
RATED = ("LW-001", "skills_programming")
OPEN = ("LW-022", "abilities_originality")


@pytest.fixture(scope="module")
def survey(
    new_warehouse: Callable[..., Warehouse], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Warehouse, Run]:
    """The demo with the page's model and row, and three surveyed cells."""
    project = tmp_path_factory.mktemp("project")
    for name in ("models", "macros", "seeds", "python_models", "tests/dbt"):
        shutil.copytree(ROOT / name, project / name)
    for name in ("dbt_project.yml", "profiles.yml", ".dbtignore"):
        shutil.copy(ROOT / name, project / name)
    _follow_the_page(project)
    warehouse = new_warehouse("survey", llm_mode="replay")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create schema hr")
        connection.execute(
            "create table hr.job_survey (job_id text, attribute_id text, answer integer)"
        )
        connection.executemany(
            "insert into hr.job_survey values ($1, $2, $3)",
            [(*cell, answer) for cell in (STATED, RATED, OPEN) for answer in (1, 1, 1, 5)],
        )
    run = warehouse.dbt("build", "--exclude-resource-type", "unit_test", cwd=project)
    return warehouse, run.ok()


def _follow_the_page(project: Path) -> None:
    """Do what the page says, with its own text: write the model, add the row."""
    text = PAGE.read_text(encoding="utf-8")
    (model,) = re.findall(r"`(models/\S+\.sql)`", text)
    (sql,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    (seed,) = re.findall(r"`(seeds/\S+\.csv)`", text)
    (row,) = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    assert (project / model).exists()
    (project / model).write_text(sql, encoding="utf-8")
    with (project / seed).open("a", encoding="utf-8") as file:
        file.write(row)


def _candidates(warehouse: Warehouse, cell: tuple[str, str]) -> list[dict[str, Any]]:
    return warehouse.dicts(
        f"""
        select candidate_rank, is_winner, source_type, source_precedence, value, confidence,
            dataset, dataset_release, source_record
        from {PROVENANCE} where job_id = $1 and attribute_id = $2 order by candidate_rank
        """,
        *cell,
    )


def test_it_loses_to_what_is_stated(survey: tuple[Warehouse, Run]) -> None:
    """An authoritative value keeps its cell; the survey's is listed behind it."""
    found = [row["source_type"] for row in _candidates(survey[0], STATED)]
    assert found[0] == "AUTHORITATIVE"
    assert found[found.index("SURVEY") :] in (["SURVEY"], ["SURVEY", "ONET"])


def test_it_wins_over_onet(survey: tuple[Warehouse, Run]) -> None:
    """The survey's value wins where O*NET is the other one, and says where it came from."""
    first, second = _candidates(survey[0], RATED)
    assert second["source_type"] == "ONET"
    assert first == {
        "candidate_rank": 1,
        "is_winner": True,
        "source_type": "SURVEY",
        "source_precedence": 2.5,
        "value": "2",
        "confidence": 0.75,
        "dataset": "Employee survey",
        "dataset_release": "2026",
        "source_record": "survey, 4 answers",
    }
    assert survey[0].query(
        f"select value, fill_status from {GOLD} where job_id = $1 and attribute_id = $2", *RATED
    ) == [("2", "survey")]


def test_what_it_fills_is_not_asked(survey: tuple[Warehouse, Run]) -> None:
    """A cell that nobody but the survey knows is the survey's and no request's."""
    (only,) = _candidates(survey[0], OPEN)
    assert only["source_type"] == "SURVEY"
    asked = "select count(*) from main_intermediate.int_llm_imputed_attributes"
    assert survey[0].one(f"{asked} where job_id = $1 and attribute_id = $2", *OPEN) == 0
    assert survey[0].one(asked) == 234


def test_the_model_behind_it_still_fills_its_cells(survey: tuple[Warehouse, Run]) -> None:
    """The model ranks fourth now, and every other cell has the winner that it had."""
    statuses = dict(
        survey[0].query(f"select fill_status, count(*) from {GOLD} group by fill_status")
    )
    assert statuses == {"authoritative": 629, "onet": 135, "survey": 2, "llm": 234}
    assert re.search(r"from SURVEY +2 ", survey[1].output)
