"""How far off values are, as gold has measured it: rows of its tables, none computed anew."""

from __future__ import annotations

from typing import Any

from jobforge.report.tables import Gold

__all__ = ["ACCURACY", "AGREEMENT", "COMPARISON", "ESTIMATES", "RELIABILITY", "accuracy"]

ACCURACY = "gold_imputation_accuracy"
RELIABILITY = "gold_imputation_reliability"
AGREEMENT = "gold_source_agreement"
COMPARISON = "gold_model_comparison"
ESTIMATES = "gold_family_estimates"

_MOST_ROWS = 2_000
_MOST_ESTIMATES = 200

_STRATUM = ("source_gap", "domain", "value_type")
_ACCURACY = (
    *_STRATUM,
    *("estimator", "model_used", "prompt_version", "cells", "jobs", "is_thin"),
    *("mae", "mae_low", "mae_high", "bias", "bias_low", "bias_high"),
    *("exact", "exact_low", "exact_high"),
    *("best_baseline", "skill", "skill_low", "skill_high", "measurement"),
)
_RELIABILITY = (
    *_STRATUM,
    *("model_used", "prompt_version", "feature", "is_chosen", "stated_confidence"),
    *("cells", "is_thin", "right_share"),
    *("measured_confidence", "measured_confidence_low", "measured_confidence_high"),
    *("stated_brier", "measured_brier", "stated_ece", "measured_ece"),
    *("interval_cells", "interval_coverage", "mean_half_width"),
)
_AGREEMENT = (
    *("source_type", "inheritance_level", "domain", "value_type", "pairs", "is_thin"),
    *("mae", "bias", "right_share", "right_share_low", "right_share_high"),
    *("published_right_share", "measured_confidence", "confidence_basis"),
)
_COMPARISON = (
    *("asked_model", "asked_rationale", "cells", "answered_cells", "compared_cells", "jobs"),
    *("is_thin", "error", "error_low", "error_high", "right_share"),
    *("cost_per_1000_cells_usd", "seconds_per_cell", "is_as_good_as_best"),
    *("is_cheapest_as_good", "comparison"),
)
_ESTIMATES = (
    *("grouped_by", "group_name", "attribute_id", "attribute_name", "domain"),
    *("known_cells", "imputed_cells", "mean", "estimate", "estimate_low", "estimate_high"),
    *("twins", "twins_of", "measurement"),
)
# Strata with most cells first, so that what is left out is what is thinnest.
_ORDER = {
    ACCURACY: "cells desc, source_gap, domain, value_type, estimator, model_used, prompt_version",
    # Without a stratum first: all strata of the model together.
    RELIABILITY: (
        "source_gap nulls first, domain, value_type, model_used, prompt_version, feature,"
        " stated_confidence nulls first"
    ),
    AGREEMENT: "pairs desc, source_type, inheritance_level, domain, value_type",
    COMPARISON: "error nulls last, asked_model, asked_rationale",
    ESTIMATES: (
        "estimate is null, imputed_cells desc, grouped_by, group_name, domain, attribute_id"
    ),
}
_READ = {
    ACCURACY: (_ACCURACY, _MOST_ROWS),
    RELIABILITY: (_RELIABILITY, _MOST_ROWS),
    AGREEMENT: (_AGREEMENT, _MOST_ROWS),
    COMPARISON: (_COMPARISON, _MOST_ROWS),
    ESTIMATES: (_ESTIMATES, _MOST_ESTIMATES),
}


def accuracy(gold: Gold) -> dict[str, Any]:
    """Return of each table its rows, and how many it has where those are more."""
    return {table: _rows(gold, table) for table in _READ}


def _rows(gold: Gold, table: str) -> dict[str, Any]:
    names, most = _READ[table]
    counted = gold.rows(table, "select count(*) as rows from {table}")
    sql = f"""
        with found as (select {gold.columns(table, names)} from {{table}})

        select * from found
        order by {_ORDER[table]}
        limit ?
    """
    return {
        "total": counted[0]["rows"] if counted else 0,
        "rows": gold.rows(table, sql, [most]),
    }
