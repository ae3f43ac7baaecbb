"""`jobforge report`, run as people run it."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from cli.conftest import Place


@pytest.fixture
def place(tmp_path: Path, gold: Path) -> Place:
    """A project with the warehouse of these tests."""
    (tmp_path / "dbt_project.yml").write_text("name: jobforge\n", encoding="utf-8")
    (tmp_path / "warehouse").mkdir()
    shutil.copy(gold, tmp_path / "warehouse/jobforge.duckdb")
    return Place(tmp_path)


def test_it_writes_where_the_project_keeps_what_it_made(place: Place) -> None:
    """Without a name it is target/report.html, and the command says what is in it."""
    done = place.jobforge("report")
    assert done.code == 0, done.all
    file = place.folder / "target/report.html"
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert done.out.startswith(f"{file}: 240 cells, of which the search covers 240; ")
    assert done.err == ""
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]


def test_it_says_how_much_the_search_covers(place: Place) -> None:
    """A smaller search is what was asked for, in the language that was asked for."""
    done = place.jobforge("report", "page.html", "--cells", "7", "--language", "fr")
    assert "240 cells, of which the search covers 7; " in done.out
    assert '<html lang="fr">' in (place.folder / "page.html").read_text(encoding="utf-8")


def test_it_says_which_tables_are_missing(place: Place) -> None:
    """A half-built warehouse has a page, and the command names what it lacks."""
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("drop table gold_review_queue")
    done = place.jobforge("report")
    assert done.code == 0
    assert "the warehouse has no gold_review_queue yet: run dbt build" in done.out


def test_what_cannot_be_done_is_one_line(place: Place) -> None:
    """No such language, no warehouse, a place that cannot be written: exit code 2 and why."""
    (place.folder / "target").write_text("in the way", encoding="utf-8")
    for words, reason in (
        (("--language", "de"), "--language is en or fr, not 'de'"),
        (("--warehouse", "none.duckdb"), "there is no warehouse file none.duckdb"),
        ((), "target/report.html cannot be written: "),
    ):
        done = place.jobforge("report", *words)
        assert done.code == 2
        assert done.err.count("\n") == 1
        assert reason in done.err


def test_a_page_that_was_there_stays_until_the_new_one_is_whole(place: Place) -> None:
    """Where the new page cannot be put in its place, the one before is as it was."""
    (place.folder / "page.html").mkdir()
    done = place.jobforge("report", "page.html")
    assert done.code == 2
    assert (place.folder / "page.html").is_dir()
