"""`jobforge compare`: the same masked cells for each way to ask, and the one worth its price."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS

from e2e.runs import ROOT, Warehouse
from e2e.test_backtest import Models, models_of

CELLS = 60
PER_CALL = 4
# Of one skill at two prices, and one that is off by one in half of the cells.
PRICES = {
    "perfect": {"input": 5, "output": 20},
    "perfect-dear": {"input": 10, "output": 40},
    "noisy": {"input": 0.1, "output": 0.4},
}
# Of a project whose runs have tiers, which nobody has measured.
TIERS = [{"model": "cheap"}, {"model": "dear", "below": 0.7}]


@dataclass(frozen=True)
class Compared:
    """What the commands said, in their order, and what they left behind."""

    said: list[str]
    asked: list[int]
    warehouse: Warehouse
    other: Path


@dataclass(frozen=True)
class Named:
    """Models that answer as those whose names theirs begin with."""

    models: Models

    def __call__(self, body: dict[str, object]) -> dict[str, object]:
        return self.models({**body, "model": str(body["model"]).removesuffix("-dear")})


@pytest.fixture(scope="module")
def compared(copy_of_demo: Callable[..., Warehouse]) -> Compared:
    """The comparison at the usual and at four cells a call, and a plan of what is left then."""
    warehouse = copy_of_demo("compared")
    said, asked = [], []
    with LoopbackServer(answer=Named(models_of(warehouse)), model=None) as server:
        both = ["--attributes-per-call", f"16,{PER_CALL}"]
        for options in (["--yes", *both], []):
            before = server.count
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "jobforge.cli", "compare"),
                    *("--models", ",".join(PRICES), "--rationale", "none"),
                    *(
                        "--cells",
                        str(CELLS),
                        "--max-cost-usd",
                        "5",
                        "--vars",
                        f"{{llm_prices: {PRICES}, llm_tiers: {TIERS}}}",
                        *options,
                    ),
                    *("--target-path", str(warehouse.folder / "target"), "--quiet"),
                    *("--log-path", str(warehouse.folder / "logs")),
                ],
                cwd=ROOT,
                env={
                    **os.environ,
                    "JOBFORGE_WAREHOUSE": str(warehouse.path),
                    "JOBFORGE_LEDGER": str(warehouse.ledger),
                    "OPENAI_BASE_URL": server.base_url,
                    "OPENAI_API_KEY": "sk-e2e-compare",
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=HANG_SECONDS,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            said.append(done.stdout)
            asked.append(server.count - before)
    other = warehouse.path.with_name(f"jobforge_{PER_CALL}_a_call.duckdb")
    return Compared(said, asked, warehouse, other)


def comparison(path: Path) -> dict[str, dict[str, object]]:
    """The rows of gold_model_comparison by model."""
    with duckdb.connect(str(path), read_only=True) as connection:
        cursor = connection.execute("select * from gold_model_comparison")
        names = [column[0] for column in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def test_what_was_answered_is_not_asked_again(compared: Compared) -> None:
    """A plan asks nobody, has nothing left to ask for, and says how to go on."""
    assert compared.asked[0] > 0
    assert compared.asked[1] == 0
    assert "perfect-dear" in compared.said[1]
    assert "Together 0.0000 USD, of which 5.00 may be spent" in compared.said[1]
    assert "Nothing was asked: --yes asks." in compared.said[1]


def test_the_same_cells_are_compared(compared: Compared) -> None:
    """Of all that all ways have answered: the perfect ones have no error, the noisy one has."""
    for path in (compared.warehouse.path, compared.other):
        rows = comparison(path)
        assert set(rows) == set(PRICES)
        assert len({row["compared_cells"] for row in rows.values()}) == 1
        assert {row["asked_rationale"] for row in rows.values()} == {"none"}
        # Answers are whole numbers, the truth may be 2.14.
        assert rows["perfect"]["error"] == rows["perfect-dear"]["error"]
        assert rows["perfect"]["error"] < 0.05 < rows["noisy"]["error_low"]
        assert rows["perfect"]["right_share"] == 1


def test_the_cheapest_that_is_as_good_is_named(compared: Compared) -> None:
    """Not the cheapest of all, which is worse, and not the dear one, which is no better."""
    rows = comparison(compared.warehouse.path)
    assert [name for name, row in rows.items() if row["is_cheapest_as_good"]] == ["perfect"]
    assert {name for name, row in rows.items() if row["is_as_good_as_best"]} == {
        "perfect",
        "perfect-dear",
    }
    assert "The cheapest that is not shown to be worse than the best: perfect," in compared.said[0]


def test_what_a_cell_costs_is_what_was_paid(compared: Compared) -> None:
    """Of the ledger's sendings for twins, at the number of cells a call that was asked with."""
    for path, ledger in (
        (compared.warehouse.path, compared.warehouse.ledger),
        (compared.other, compared.other.with_name(f"ledger_{PER_CALL}_a_call.sqlite")),
    ):
        assert ledger.exists()
        with duckdb.connect(str(path), read_only=True) as connection:
            paid = connection.execute(
                "select model_requested, 1000 * sum(cost_usd) / sum(cells_answered),"
                " max(cells_answered) from main_intermediate.int_llm_attempts group by 1"
            ).fetchall()
        rows = comparison(path)
        assert {name for name, *_ in paid} == set(PRICES)
        for name, cost, most in paid:
            assert rows[name]["cost_per_1000_cells_usd"] == pytest.approx(cost, abs=1e-6)
            assert most <= (PER_CALL if path == compared.other else 16)
    few, many = (comparison(path) for path in (compared.other, compared.warehouse.path))
    for name in PRICES:
        assert (
            1 < float(str(few[name]["cells_per_call"])) < float(str(many[name]["cells_per_call"]))
        )
        assert float(str(few[name]["cost_per_1000_cells_usd"])) > float(
            str(many[name]["cost_per_1000_cells_usd"])
        )


def test_what_another_model_would_change_is_counted(compared: Compared) -> None:
    """Of the twins that both answered, recounted; the perfect one's twin at another price none."""
    with duckdb.connect(str(compared.warehouse.path), read_only=True) as connection:
        cursor = connection.execute("select * from gold_model_churn")
        names = [column[0] for column in cursor.description]
        churn = {
            (row["asked_model"], row["other_model"]): row
            for row in (dict(zip(names, one, strict=True)) for one in cursor.fetchall())
        }
        recounted = connection.execute(
            """
            select a.asked_model, b.asked_model, count(*), avg((a.value <> b.value)::int)
            from main_intermediate.int_backtest_answers as a
            join main_intermediate.int_backtest_answers as b
                using (twin_number, attribute_number)
            join main_intermediate.int_attributes using (attribute_number)
            where a.asked_model <> b.asked_model and value_type <> 'text'
                and a.outcome = 'answered' and b.outcome = 'answered'
            group by all
            """
        ).fetchall()
    assert len(churn) == len(recounted) == 6
    rows = comparison(compared.warehouse.path)
    for model, other, cells, changed in recounted:
        row = churn[model, other]
        assert (row["cells"], row["changed_share"]) == (cells, pytest.approx(changed, abs=1e-6))
        assert row["changed_share_low"] <= changed <= row["changed_share_high"]
        price = float(str(rows[other]["cost_per_1000_cells_usd"]))
        assert row["expected_cost_usd"] == pytest.approx(
            row["model_cells"] * price / 1000, rel=1e-3
        )
    said = subprocess.run(
        [*(sys.executable, "-m", "jobforge.cli", "diff", "--models")],
        cwd=ROOT,
        env={**os.environ, "JOBFORGE_WAREHOUSE": str(compared.warehouse.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "perfect (none) -> perfect-dear (none): another value in 0% (0% to 0%)" in said
    assert f"{churn['perfect', 'noisy']['changed_share']:.0%}" in said
    assert churn["perfect", "perfect-dear"]["changed_share"] == 0
    worse, better = churn["perfect", "noisy"], churn["noisy", "perfect"]
    assert worse["gets_wrong_share"] == better["gets_right_share"] > 0
    assert worse["gets_right_share"] == better["gets_wrong_share"] == 0


def test_gold_and_what_is_missing_stay(compared: Compared, demo: Warehouse) -> None:
    """Nothing was asked for a missing cell, and nothing in gold is another."""
    query = "from main.gold_job_attributes order by job_id, attribute_id"
    assert compared.warehouse.query(query) == demo.query(query)
    assert (
        compared.warehouse.one(
            "select count(*) from main_intermediate.int_llm_attempts"
            " where run_id not like '%-backtest'"
        )
        == 0
    )
