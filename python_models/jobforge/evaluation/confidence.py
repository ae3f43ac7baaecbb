"""From the confidence that a model states, or that its tokens show, to the chance that it is right.

A feature of confidence (the stated one, the answer's probability, the mean of both) has 21 steps,
so each map is a table: for each stratum (a gap, domain and value type of one model and prompt
version) and step the measured chance. It is an isotonic regression: the chance may not fall while
the confidence rises, which is all that a confidence is trusted with. A stratum of fewer than 30
cells is shrunk to the map of all strata of the model together: what it lacks of 30 is taken from
there.

Whoever judges the map must not have fitted it: beside the map of all jobs there is one without the
jobs of each fold, for the cells of these jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ["FEWEST_CELLS", "MAP_SCHEMA", "STEPS", "fit_confidence"]

STEPS = 21
FEWEST_CELLS = 30
_Z = 1.959964
_MODEL = ("model_used", "prompt_version", "feature")
_STRATUM = ("source_gap", "domain", "value_type")

MAP_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (*_STRATUM, *_MODEL)),
        ("held_out_fold", pa.int32()),
        ("step", pa.int32()),
        ("cells", pa.int32()),
        ("measured_confidence", pa.float64()),
        ("measured_confidence_low", pa.float64()),
        ("measured_confidence_high", pa.float64()),
    ]
)

Row = Mapping[str, Any]


def fit_confidence(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the map, one row per stratum, held-out fold and step, with the columns of MAP_SCHEMA.

    rows: of int_stated_confidences: how many cells of one job a model answered with a step of a
    feature, and how many of them it had right. A row without a stratum is of all strata together;
    one without a held-out fold is of all jobs. Chances are from 0 to 1, with 95 % intervals by
    Wilson's formula (Wilson 1927), whose number of cells is divided by the design effect of whole
    jobs (Kish 1965): cells of one job are not independent. A model with fewer than 30 cells of a
    feature has no row of it.
    """
    found: list[dict[str, Any]] = []
    folds = sorted({row["fold"] for row in rows})
    for model, of_model in _grouped(rows, _MODEL):
        for held_out in (None, *folds):
            kept = [row for row in of_model if row["fold"] != held_out]
            for stratum, fitted in _fit_model(kept):
                key = dict(zip((*_STRATUM, *_MODEL), (*stratum, *model), strict=True))
                found += [{**key, "held_out_fold": held_out, **row} for row in fitted]
    return found


def _fit_model(rows: list[Row]) -> Iterable[tuple[tuple[Any, ...], list[dict[str, Any]]]]:
    together = _Counts.of(rows)
    if together.cells.sum() < FEWEST_CELLS:
        return
    chances = together.isotonic()
    yield (None, None, None), together.with_intervals(chances)
    for stratum, of_stratum in _grouped(rows, _STRATUM):
        counts = _Counts.of(of_stratum)
        lacking = max(0.0, FEWEST_CELLS - counts.cells.sum())
        shared = together.cells / together.cells.sum() * lacking
        shrunk = _Counts(
            counts.cells + shared, counts.right + shared * chances, of_stratum, counts.cells
        )
        yield stratum, shrunk.with_intervals(shrunk.isotonic())


@dataclass(frozen=True, slots=True)
class _Counts:
    """Cells and right ones of each step, both of shape (STEPS,), and the rows they come from.

    answered: the cells of the stratum alone, where others are counted with them.
    """

    cells: ndarray
    right: ndarray
    rows: Sequence[Row]
    answered: ndarray

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Counts:
        """Return the counts of rows."""
        import numpy as np

        cells, right = np.zeros(STEPS), np.zeros(STEPS)
        for row in rows:
            cells[row["step"]] += row["cells"]
            right[row["step"]] += row["right_cells"]
        return cls(cells, right, rows, cells)

    def isotonic(self) -> ndarray:
        """Return the chance of each step; between steps that nobody stated it is a line."""
        # Loaded where there is something to fit: it takes longer than a small run.
        import numpy as np
        from sklearn.isotonic import IsotonicRegression

        steps = np.flatnonzero(self.cells)
        shares = self.right[steps] / self.cells[steps]
        fit = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        fit.fit(steps, shares, sample_weight=self.cells[steps])
        chances: ndarray = fit.predict(np.arange(STEPS))
        return chances

    def with_intervals(self, chances: ndarray) -> list[dict[str, Any]]:
        """Return a row per step."""
        effect = self._design_effect(chances)
        rows = []
        for step, chance in enumerate(chances.tolist()):
            # Steps that the fit has pooled stand for one another.
            pooled = abs(chances - chance) < 1e-12
            low, high = _wilson(chance, float(self.cells[pooled].sum()) / effect)
            rows.append(
                {
                    "step": step,
                    "cells": int(self.answered[step]),
                    "measured_confidence": chance,
                    "measured_confidence_low": low,
                    "measured_confidence_high": high,
                }
            )
        return rows

    def _design_effect(self, chances: ndarray) -> float:
        """Return how much wider whole jobs make an interval than as many independent cells."""
        by_job: dict[int, float] = {}
        independent = 0.0
        for row in self.rows:
            chance, cells, right = chances[row["step"]], row["cells"], row["right_cells"]
            by_job[row["job_hash"]] = by_job.get(row["job_hash"], 0.0) + right - cells * chance
            independent += right * (1 - chance) ** 2 + (cells - right) * chance**2
        if not independent:
            return 1.0
        return float(max(1.0, sum(one**2 for one in by_job.values()) / independent))


def _wilson(share: float, cases: float) -> tuple[float, float]:
    if not cases:
        return 0.0, 1.0
    middle = share + _Z**2 / (2 * cases)
    reach = _Z * sqrt(share * (1 - share) / cases + _Z**2 / (4 * cases**2))
    scale = 1 + _Z**2 / cases
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def _grouped(rows: Iterable[Row], names: Sequence[str]) -> list[tuple[tuple[Any, ...], list[Row]]]:
    def key(row: Row) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in names)

    groups = [list(group) for _, group in groupby(sorted(rows, key=key), key=key)]
    return [(tuple(group[0][name] for name in names), group) for group in groups]
