"""Agreement is what the textbooks and well-kept libraries say it is."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from jobforge.evaluation.agreement import ALL_REVIEWERS, measure_agreement
from sklearn.metrics import cohen_kappa_score

Said = dict[str, list[str | None]]


def ratings(said: Said, value_type: str = "category", *, per_job: int = 1) -> pa.Table:
    """Return the ratings of raters, each with what it says of cell after cell."""
    rows: list[dict[str, Any]] = [
        {
            "job_number": cell // per_job,
            "attribute_number": cell % per_job,
            "rater_kind": "model" if rater == "LLM" else "reviewer",
            "rater": rater,
            "value": value,
            "value_type": value_type,
            "share_of_scale": float(value) / 5 if value_type == "rating" else None,
        }
        for rater, values in said.items()
        for cell, value in enumerate(values)
        if value is not None
    ]
    return pa.Table.from_pylist(rows)


def random_pair(steps: int, cells: int, seed: int) -> Said:
    """Two raters of whom the second says what the first says in two of three cells."""
    draw = random.Random(seed)
    first = [str(draw.randrange(steps)) for _ in range(cells)]
    second = [one if draw.random() < 0.66 else str(draw.randrange(steps)) for one in first]
    return {"A": list(first), "B": list(second)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("value_type", "weights"), [("category", None), ("rating", "quadratic")])
def test_kappa_is_that_of_scikit_learn(seed: int, value_type: str, weights: str | None) -> None:
    """Plain of categories, with quadratic weights of ratings."""
    said = random_pair(6, 80, seed)
    (row,) = measure_agreement(ratings(said, value_type)).to_pylist()
    expected = cohen_kappa_score(said["A"], said["B"], weights=weights)
    assert row["cohens_kappa"] == pytest.approx(expected)
    assert row["cohens_kappa_low"] < expected < row["cohens_kappa_high"]
    assert row["exact"] == sum(map(str.__eq__, said["A"], said["B"])) / 80  # type: ignore[arg-type]


def test_alpha_is_that_of_the_textbook() -> None:
    """Krippendorff's own example of three coders, nominal: alpha 0.691 (2011, C)."""
    coders = {
        "A": "* * * * * 3 4 1 2 1 1 3 3 * 3",
        "B": "1 * 2 1 3 3 4 3 * * * * * * *",
        "C": "* * 2 1 3 4 4 * 2 1 1 3 3 * 4",
    }
    said: Said = {
        name: [None if value == "*" else value for value in line.split()]
        for name, line in coders.items()
    }
    rows = measure_agreement(ratings(said)).to_pylist()
    together = next(row for row in rows if row["rater"] == ALL_REVIEWERS)
    assert together["krippendorffs_alpha"] == pytest.approx(0.691, abs=5e-4)
    assert together["cohens_kappa"] is None
    assert len(rows) == 4


def test_the_model_is_compared_with_each_reviewer_and_is_none() -> None:
    """It has rows beside each reviewer and no part in what reviewers agree on."""
    said: Said = {"A": ["x", "y"] * 20, "B": ["x", "y"] * 20, "LLM": ["y", "x"] * 20}
    rows = measure_agreement(ratings(said)).to_pylist()
    kappas = {(row["rater"], row["other_rater"]): row["cohens_kappa"] for row in rows}
    assert kappas == {("A", "B"): 1.0, ("A", "LLM"): -1.0, ("B", "LLM"): -1.0}


def test_nobody_who_says_anything_else_defines_no_figure() -> None:
    """One value throughout is agreement by necessity: null, not one."""
    (row,) = measure_agreement(ratings({"A": ["x"] * 40, "B": ["x"] * 40})).to_pylist()
    assert row["exact"] == 1.0
    assert row["cohens_kappa"] is row["krippendorffs_alpha"] is row["cohens_kappa_low"] is None


def test_cells_of_one_job_are_not_independent() -> None:
    """The interval of the same cells in a tenth of the jobs is wider."""
    said = random_pair(6, 200, 1)

    def width(per_job: int) -> float:
        (row,) = measure_agreement(ratings(said, per_job=per_job)).to_pylist()
        assert row["jobs"] == 200 / per_job
        return float(row["cohens_kappa_high"] - row["cohens_kappa_low"])

    clustered = {"A": [], "B": []}  # type: Said
    draw = random.Random(2)
    for _ in range(20):
        same = draw.random() < 0.6
        for _ in range(10):
            value = str(draw.randrange(6))
            clustered["A"].append(value)
            clustered["B"].append(value if same else str(draw.randrange(6)))
    (apart,) = measure_agreement(ratings(clustered)).to_pylist()
    (together,) = measure_agreement(ratings(clustered, per_job=10)).to_pylist()

    def span(row: dict[str, Any]) -> float:
        return float(row["cohens_kappa_high"] - row["cohens_kappa_low"])

    assert span(together) > 1.5 * span(apart)
    assert width(1) > 0


def test_without_common_cells_there_is_no_row() -> None:
    """Raters who never judged the same cell are not compared."""
    assert measure_agreement(ratings({"A": ["x", None], "B": [None, "x"]})).num_rows == 0
    assert measure_agreement(ratings({"A": ["x"]})).num_rows == 0
