"""Means of groups that are in part imputed: the models' own SQL on simulated cells."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb
import numpy as np
import pytest

from e2e.runs import Warehouse

# `cd tests && python -c "from e2e.test_group_estimates import *; write_reference()"` made it.
REFERENCE = Path(__file__).parent / "before" / "ppi.csv"
TWINS, CELLS = 150, 400
KEY = "'gap' as source_gap, 'skills' as domain, 'rating' as value_type, 'm' as model_used,"
KEY += " 'v' as prompt_version"


class Simulation:
    """A warehouse without jobs, in which each group is a simulation, and what gold says of it."""

    def __init__(self, compiled: Path) -> None:
        self._sql = {path.stem: path.read_text("utf-8") for path in compiled.rglob("*.sql")}
        self._db = duckdb.connect()
        self._db.execute("attach ':memory:' as jobforge")
        self._db.execute("create schema jobforge.main_intermediate")
        self._twins: list[tuple[int, int, float, float]] = []
        self._cells: list[tuple[int, float]] = []

    def add(self, group: int, true: np.ndarray, said: np.ndarray, imputed: np.ndarray) -> None:
        """Add a group: twins' truths and estimates, and estimates of what is missing."""
        first = len(self._twins)
        self._twins += [
            (group, first + number, float(truth), float(word))
            for number, (truth, word) in enumerate(zip(true, said, strict=True))
        ]
        self._cells += [(group, float(word)) for word in imputed]

    def estimates(self) -> dict[int, dict[str, float]]:
        """What the models make of all groups, by group."""
        self._fill("twins", self._twins, "job_number, truth, said")
        self._fill("cells", self._cells, "said")
        self._db.execute(
            f"create table jobforge.main_intermediate.int_backtest_estimates as select {KEY},"
            " source_gap as masked_gap, 'llm' as estimator, job_number, 1 as attribute_number,"
            " truth as true_number, said as estimated_number from twins;"
            "create table jobforge.main_intermediate.int_reporting_groups as select job_number,"
            " 'job_family' as grouped_by, cast(simulated as varchar) as group_name from twins;"
            f"create table jobforge.main_intermediate.int_imputed_ratings as select {KEY},"
            " 'job_family' as grouped_by, cast(simulated as varchar) as group_name,"
            " 1 as attribute_number, said as value_number from cells"
        )
        for model in ("int_rectifiers", "int_group_estimates"):
            self._db.execute(
                f"create table jobforge.main_intermediate.{model} as {self._sql[model]}"
            )
        found = self._db.execute("from jobforge.main_intermediate.int_group_estimates")
        names = [column[0] for column in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return {int(row["group_name"]): row for row in rows}

    def _fill(self, name: str, rows: list[tuple[float, ...]], columns: str) -> None:
        columns_of = {
            column.strip(): np.array([row[place + 1] for row in rows])
            for place, column in enumerate(columns.split(","))
        }
        table = {"simulated": np.array([int(row[0]) for row in rows]), **columns_of}
        self._db.register(f"given_{name}", table)
        self._db.execute(f"create table {name} as from given_{name}")


@pytest.fixture
def simulation(demo: Warehouse) -> Iterator[Simulation]:
    """An empty simulation with the SQL that the demo's build ran."""
    compiled = demo.targets.glob("*/compiled/jobforge/models/intermediate/9_estimates")
    # Every build of the models compiles them alike.
    return Simulation(next(one for one in compiled if len(list(one.glob("int_*.sql"))) == 6))


def drawn(random: Random, cells: int, skill: float) -> tuple[np.ndarray, np.ndarray]:
    """Truths around 2.5, and what a model says of them: half a point too much, and noise."""
    true = np.array([random.gauss(2.5, 1) for _ in range(cells)])
    return true, true + 0.5 + np.array([random.gauss(0, 1 - skill) for _ in range(cells)])


def reference_groups() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Groups of any size and models of any skill: truths and words of twins, words of cells."""
    random = Random(7)
    groups = []
    for group in range(40):
        true, said = drawn(random, 30 + 5 * group, group / 40)
        _, imputed = drawn(random, 10 + 20 * group, group / 40)
        if group % 5 == 0:
            # A model that knows nothing: its power is near 0.
            said = np.roll(said, 1)
        groups.append((true, said, imputed))
    return groups


def write_reference() -> None:
    """Print what ppi-python (Apache-2.0, not among the dependencies) makes of these groups."""
    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

    sys.stdout.write("group,estimate,low,high\n")
    for group, given in enumerate(reference_groups()):
        low, high = (end[0] for end in ppi_mean_ci(*given, alpha=0.05))
        point = ppi_mean_pointestimate(*given)[0]
        sys.stdout.write(f"{group},{point:.12f},{low:.12f},{high:.12f}\n")


def test_estimates_are_those_of_ppi_python(simulation: Simulation) -> None:
    """Point estimate and interval, as ppi-python 0.2.3 gave them for the same groups."""
    for group, given in enumerate(reference_groups()):
        simulation.add(group, *given)
    found = simulation.estimates()
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    assert len(expected) == len(found) == 40
    for one in expected:
        row = found[int(one["group"])]
        assert row["twins_of"] == "group"
        assert row["estimate"] == pytest.approx(float(one["estimate"]))
        half_width = (float(one["high"]) - float(one["low"])) / 2
        assert 1.959964 * row["estimate_variance"] ** 0.5 == pytest.approx(half_width)
    powers = [row["power"] for row in found.values()]
    assert min(powers) < 0.3 < 0.8 < max(powers)


def test_an_interval_has_the_truth_where_the_plain_mean_s_has_not(simulation: Simulation) -> None:
    """In 93 to 97 of 100 simulations; the plain mean is where the bias has put it."""
    random = Random(11)
    for group in range(1000):
        true, said = drawn(random, TWINS, 0.4)
        simulation.add(group, true, said, drawn(random, CELLS, 0.4)[1])
    rows = simulation.estimates().values()
    assert len(rows) == 1000
    covered = [abs(row["estimate"] - 2.5) <= 1.96 * row["estimate_variance"] ** 0.5 for row in rows]
    assert 930 <= sum(covered) <= 970
    plain = [abs(row["mean"] - 2.5) <= 1.96 * (1.36 / CELLS) ** 0.5 for row in rows]
    assert sum(plain) < 500


def test_a_group_without_twins_of_its_own_leans_on_its_stratum(simulation: Simulation) -> None:
    """They tell of the bias alone; of fewer than thirty nothing is said."""
    random = Random(13)
    simulation.add(0, *drawn(random, 20, 0.8), drawn(random, 50, 0.8)[1])
    simulation.add(1, *drawn(random, 9, 0.8), drawn(random, 50, 0.8)[1])
    few = simulation.estimates()
    assert [few[group]["estimate"] for group in (0, 1)] == [None, None]


def test_the_stratum_s_bias_is_taken_off(simulation: Simulation) -> None:
    """Its mean residual, with the variance of thirty jobs behind it."""
    random = Random(17)
    true, said = drawn(random, 29, 0.9)
    more_true, more_said = drawn(random, 29, 0.9)
    imputed = drawn(random, 50, 0.9)[1]
    simulation.add(0, true, said, imputed)
    simulation.add(1, more_true, more_said, imputed[:1])
    rows = simulation.estimates()
    residuals = np.concatenate([true - said, more_true - more_said])
    for group, cells in ((0, imputed), (1, imputed[:1])):
        row = rows[group]
        assert (row["twins_of"], row["power"]) == ("stratum", 1)
        assert row["estimate"] == pytest.approx(cells.mean() + residuals.mean())
        rectifier = residuals.var() / len(residuals)
        assert row["estimate_variance"] == pytest.approx(cells.var() / len(cells) + rectifier)
        # One cell's own truth is no surer than a residual is.
        assert row["finite_variance"] == pytest.approx(residuals.var() / len(cells) + rectifier)


def test_a_model_without_an_error_has_a_variance_all_the_same(simulation: Simulation) -> None:
    """Rounding makes none of them a little less than nothing, which has no root."""
    random = Random(19)
    for group in range(200):
        true = np.array([random.gauss(2.5, 1) / 3 for _ in range(30)])
        # All alike, so that the power is 1.
        simulation.add(group, true, true, np.repeat(true.mean(), 400))
    rows = simulation.estimates().values()
    assert {row["power"] for row in rows} == {1}
    assert all(row["estimate_variance"] >= 0 <= row["finite_variance"] for row in rows)
