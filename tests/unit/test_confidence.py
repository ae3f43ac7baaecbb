"""The map from stated to measured confidence: isotonic, shrunk where thin, with honest widths."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from jobforge.evaluation.confidence import MAP_SCHEMA, STEPS, fit_confidence

Rows = list[dict[str, Any]]


def answers(
    gap: str, steps: Iterable[int], is_right: Callable[[int, int], bool], jobs: int
) -> Rows:
    """One row per job and step; is_right is told the job and the step."""
    return [
        {
            **{"source_gap": gap, "domain": "skills", "value_type": "rating"},
            **{"model_used": "m", "prompt_version": "v", "feature": "stated"},
            **{"fold": job % 5, "job_hash": job},
            **{"step": step, "cells": 1, "right_cells": int(is_right(job, step))},
        }
        for job in range(jobs)
        for step in steps
    ]


def fitted(rows: Rows, gap: str | None, fold: int | None = None) -> dict[int, dict[str, Any]]:
    """The map of one stratum, by step."""
    return {
        row["step"]: row
        for row in fit_confidence(rows)
        if row["source_gap"] == gap and row["held_out_fold"] == fold
    }


def test_every_step_has_a_chance_that_never_falls() -> None:
    """Also steps that nobody stated; the order in the data is not trusted where it falls."""
    drawn = random.Random(7)
    rows = answers("g", (4, 12, 18), lambda job, step: drawn.random() < (step == 4) * 0.6 + 0.2, 90)
    of_step = fitted(rows, "g")
    assert set(of_step) == set(range(STEPS))
    chances = [of_step[step]["measured_confidence"] for step in range(STEPS)]
    assert chances == sorted(chances)
    # It was right more often where it was less sure: nothing is left but its mean.
    assert len(set(chances)) == 1
    assert chances[0] == pytest.approx(sum(row["right_cells"] for row in rows) / len(rows))


@pytest.mark.parametrize("skill", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_the_interval_has_the_true_chance_in_it_as_often_as_it_says(skill: float) -> None:
    """About 95 in a hundred, for independent cells and for jobs that are right or wrong as one."""
    for together in (False, True):
        held = 0
        for seed in range(100):
            drawn = random.Random(f"{seed} {together}")
            luck = {job: drawn.random() for job in range(60)}

            def is_right(job: int, step: int, luck=luck, drawn=drawn, together=together) -> bool:
                return (luck[job] if together else drawn.random()) < skill

            row = fitted(answers("g", (15, 16, 17, 18), is_right, 60), "g")[17]
            held += row["measured_confidence_low"] <= skill <= row["measured_confidence_high"]
        assert held >= 88, (skill, together)


def test_a_thin_stratum_leans_on_all_others_and_a_fat_one_on_none() -> None:
    """Three right cells among hundreds of wrong ones are no proof of skill."""
    wrong = answers("fat", (18,), lambda job, step: False, 297)
    thin = answers("thin", (18,), lambda job, step: True, 3)
    assert fitted(wrong + thin, "fat")[18]["measured_confidence"] == 0
    # Three of its own, 27 of all three hundred.
    assert fitted(wrong + thin, "thin")[18]["measured_confidence"] == pytest.approx(
        (3 + 27 * 3 / 300) / 30
    )
    assert fitted(wrong + thin, "thin")[18]["cells"] == 3
    assert fitted(wrong + thin, None)[18]["measured_confidence"] == pytest.approx(0.01)


def test_a_fold_has_no_part_in_what_judges_it() -> None:
    """The map without a fold's jobs is that of the others alone."""
    rows = answers("g", (18,), lambda job, step: job % 5 == 0, 100)
    assert fitted(rows, "g", fold=0)[18]["measured_confidence"] == 0
    assert fitted(rows, "g", fold=1)[18]["measured_confidence"] == 0.25
    assert fitted(rows, "g")[18]["measured_confidence"] == 0.2


def test_fewer_than_thirty_cells_of_a_model_say_nothing() -> None:
    """Not even a wide interval."""
    rows = answers("g", (18,), lambda job, step: True, 29)
    assert fit_confidence(rows) == []
    assert fit_confidence([]) == []
    assert fitted(answers("g", (18,), lambda job, step: True, 30), "g")[18]


@pytest.mark.parametrize("other", ["model_used", "prompt_version", "feature"])
def test_models_prompts_and_features_have_maps_of_their_own(other: str) -> None:
    """What one is worth says nothing of the other; rows have the columns of the schema."""
    rows = [{**row, other: "m"} for row in answers("g", (18,), lambda job, step: True, 40)]
    rows += [{**row, other: "n", "right_cells": 0} for row in rows]
    found = fit_confidence(rows)
    assert all(set(row) == set(MAP_SCHEMA.names) for row in found)
    by_model = {
        row[other]: row["measured_confidence"]
        for row in found
        if row["held_out_fold"] is None and row["source_gap"] == "g"
    }
    assert by_model == {"m": 1, "n": 0}
