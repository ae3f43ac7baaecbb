"""How well raters agree: Cohen's kappa of two, Krippendorff's alpha of two or of all reviewers.

Both are corrected for what raters would agree on by chance. Of ratings the distance counts (kappa
with quadratic weights, alpha of interval data, on shares of the scale), of categories and truths
only whether they are the same. Intervals are 95 % of a bootstrap over jobs: cells of one job are
not independent. Cohen, A coefficient of agreement for nominal scales, 1960; Krippendorff, Content
Analysis, 2004.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import krippendorff
import numpy as np
import pyarrow as pa

__all__ = ["AGREEMENT_SCHEMA", "ALL_REVIEWERS", "measure_agreement"]

ALL_REVIEWERS = "all reviewers"
_RESAMPLES = 500
_THIN = 30

Numbers = np.ndarray[Any, np.dtype[np.float64]]

_MAY_BE_NULL = [
    f"{figure}{end}"
    for figure in ("cohens_kappa", "krippendorffs_alpha")
    for end in ("", "_low", "_high")
]
AGREEMENT_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("rater", "other_rater", "value_type")),
        *(pa.field(name, pa.int32()) for name in ("cells", "jobs")),
        pa.field("is_thin", pa.bool_()),
        pa.field("exact", pa.float64()),
        *(pa.field(name, pa.float64()) for name in _MAY_BE_NULL),
    ]
)


def measure_agreement(ratings: pa.Table) -> pa.Table:
    """Return one row per pair of raters, and one of all reviewers, for each value type.

    ratings: job_number, attribute_number, rater_kind (reviewer or model), rater, value, value_type,
    share_of_scale (null for what is no rating). A figure is null where it is not defined: kappa of
    more than two, and both where nobody ever said anything else.
    """
    rows = []
    by_type: dict[str, list[dict[str, Any]]] = {}
    for given in ratings.to_pylist():
        by_type.setdefault(given["value_type"], []).append(given)
    for value_type, said in sorted(by_type.items()):
        reviewers = sorted({one["rater"] for one in said if one["rater_kind"] == "reviewer"})
        models = sorted({one["rater"] for one in said if one["rater_kind"] == "model"})
        groups: list[tuple[str, str, list[str]]] = [
            (one, other, [one, other]) for one, other in combinations(reviewers, 2)
        ]
        groups += [(one, other, [one, other]) for one in reviewers for other in models]
        if len(reviewers) > 2:
            groups.append((ALL_REVIEWERS, ALL_REVIEWERS, reviewers))
        for one, other, raters in groups:
            figures = _figures(said, raters, value_type)
            if figures:
                named = {"rater": one, "other_rater": other, "value_type": value_type}
                rows.append(named | figures)
    return pa.Table.from_pylist(rows, schema=AGREEMENT_SCHEMA)


def _figures(
    said: Sequence[Mapping[str, Any]], raters: Sequence[str], value_type: str
) -> dict[str, Any] | None:
    codes: dict[str, float] = {}
    cells: dict[tuple[int, int], dict[str, float]] = {}
    for one in said:
        if one["rater"] in raters:
            code = one["share_of_scale"]
            if value_type != "rating":
                code = codes.setdefault(one["value"], float(len(codes)))
            cells.setdefault((one["job_number"], one["attribute_number"]), {})[one["rater"]] = code
    shared = {cell: given for cell, given in cells.items() if len(given) > 1}
    if not shared:
        return None
    data = np.array(
        [[given.get(rater, np.nan) for given in shared.values()] for rater in raters], float
    )
    jobs = np.array([job for job, _ in shared])
    is_rating = value_type == "rating"
    kappa, alpha = _kappa(data, is_rating), _alpha(data, is_rating)
    drawn = _resample(data, jobs, is_rating)
    return {
        "cells": len(shared),
        "jobs": len(set(jobs)),
        "is_thin": len(shared) < _THIN,
        "exact": float(np.mean(np.nanmax(data, axis=0) == np.nanmin(data, axis=0))),
        **_with_interval("cohens_kappa", kappa, [one for one, _ in drawn]),
        **_with_interval("krippendorffs_alpha", alpha, [other for _, other in drawn]),
    }


def _resample(
    data: Numbers, jobs: np.ndarray[Any, Any], is_rating: bool
) -> list[tuple[float | None, float | None]]:
    # The same draws in every run: what is measured changes only with what is said.
    generator = np.random.default_rng(20260301)
    places = [np.flatnonzero(jobs == job) for job in sorted(set(jobs))]
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = generator.integers(len(places), size=len(places))
        resample = data[:, np.concatenate([places[one] for one in chosen])]
        drawn.append((_kappa(resample, is_rating), _alpha(resample, is_rating)))
    return drawn


def _with_interval(
    name: str, figure: float | None, drawn: Sequence[float | None]
) -> dict[str, float | None]:
    # A resample in which nobody says anything else defines nothing; where many do so no interval
    # is known.
    defined = [one for one in drawn if one is not None]
    known = figure is not None and len(defined) >= 0.9 * len(drawn)
    low, high = np.quantile(defined, [0.025, 0.975]) if known else (None, None)
    return {name: figure, f"{name}_low": low, f"{name}_high": high}


def _kappa(data: Numbers, is_rating: bool) -> float | None:
    """Return Cohen's kappa: 1 less the disagreement seen over that of independent raters."""
    if len(data) != 2:
        return None
    one, other = data
    if is_rating:
        seen = np.mean((one - other) ** 2)
        expected = np.mean(one**2) + np.mean(other**2) - 2 * np.mean(one) * np.mean(other)
    else:
        values = np.unique(data)
        seen = np.mean(one != other)
        expected = 1 - sum(np.mean(one == value) * np.mean(other == value) for value in values)
    return None if expected <= 1e-12 else float(1 - seen / expected)


def _alpha(data: Numbers, is_rating: bool) -> float | None:
    if len(np.unique(data[~np.isnan(data)])) < 2:
        return None
    level: Literal["interval", "nominal"] = "interval" if is_rating else "nominal"
    return float(krippendorff.alpha(reliability_data=data, level_of_measurement=level))
