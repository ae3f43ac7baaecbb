"""The demo's seeds keep the input contract among themselves, and cover every kind of input."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
Row = dict[str, str]

KEYS = {
    "jobs": ("job_id",),
    "attributes": ("attribute_id",),
    "authoritative_values": ("scope_level", "scope_code", "attribute_id"),
    "noc_structure": ("noc_code",),
    "oasis_profiles": ("oasis_profile",),
    "oasis_example_titles": ("oasis_profile", "example_title"),
    "onet_ratings": ("onet_soc_code", "element_id", "scale_id"),
    "noc_onet_crosswalk": ("unit_group", "onet_soc_code", "onet_title"),
    "attribute_onet_elements": ("attribute_id",),
}
CODE_LENGTH = {
    "unit_group": 5,
    "minor_group": 4,
    "sub_major_group": 3,
    "major_group": 2,
    "broad_category": 1,
}


def rows(name: str) -> list[Row]:
    """Return the rows of a seed as text."""
    (path,) = SEEDS.glob(f"*/{name}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def demo(name: str) -> list[Row]:
    """Return the rows of a demo seed."""
    return rows(f"demo_{name}")


def is_canonical(value: str, attribute: Row) -> bool:
    """Return whether the value is in the text form that its attribute's type asks for."""
    kind = attribute["value_type"]
    if kind in ("rating", "number"):
        if not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", value):
            return False
        low, high = float(attribute["scale_minimum"]), float(attribute["scale_maximum"])
        return low <= float(value) <= high
    if kind == "category":
        return value in attribute["allowed_values"].split("|")
    if kind == "boolean":
        return value in ("true", "false")
    return kind == "text" and bool(value.strip())


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_unique(name: str) -> None:
    """No key of an input is there twice."""
    counts = Counter(tuple(row[column] for column in KEYS[name]) for row in demo(name))
    assert [key for key, count in counts.items() if count > 1] == []


def test_values_fit_their_attribute() -> None:
    """Every authoritative value is of a known attribute and in its canonical form and range."""
    attributes = {row["attribute_id"]: row for row in demo("attributes")}
    for row in demo("authoritative_values"):
        assert is_canonical(row["value"], attributes[row["attribute_id"]]), row


def test_scopes_exist() -> None:
    """Every authoritative value is stated for a job, profile or NOC class that the demo has."""
    jobs = {row["job_id"] for row in demo("jobs")}
    profiles = {row["oasis_profile"] for row in demo("oasis_profiles")}
    classes = {row["noc_code"] for row in demo("noc_structure")}
    for row in demo("authoritative_values"):
        level, code = row["scope_level"], row["scope_code"]
        if level in CODE_LENGTH:
            assert code in classes, row
            assert len(code) == CODE_LENGTH[level], row
        else:
            assert code in (jobs if level == "job" else profiles), row


def test_every_kind_of_input_is_shown() -> None:
    """The demo has all value types, all scopes, repeated crosswalk pairs and unclassified jobs."""
    attributes = demo("attributes")
    kinds = {row["value_type"] for row in attributes}
    assert kinds == {"rating", "number", "category", "boolean", "text"}
    scopes = {row["scope_level"] for row in demo("authoritative_values")}
    assert scopes == {"job", "oasis_profile", *CODE_LENGTH}
    assert len({row["domain"] for row in attributes}) == 7
    pairs = [(row["unit_group"], row["onet_soc_code"]) for row in demo("noc_onet_crosswalk")]
    assert len(pairs) > len(set(pairs))
    assert sum(row["unit_group"] == "" for row in demo("jobs")) == 4
    assert any(row["job_family"] == "" for row in demo("jobs"))


def test_hr_overrides_some_oasis_ratings() -> None:
    """Some ratings by the organisation differ from every OaSIS rating that they stand before."""
    values = demo("authoritative_values")
    group = {row["job_id"]: row["unit_group"] for row in demo("jobs")}
    oasis = {
        (row["scope_code"][:5], row["attribute_id"], row["value"])
        for row in values
        if row["dataset"] == "OaSIS"
    }
    rated = {key[:2] for key in oasis}
    overrides = [
        row
        for row in values
        if (group.get(row["scope_code"], row["scope_code"]), row["attribute_id"]) in rated
        and row["dataset"] == "HR ratings"
    ]
    assert {row["scope_level"] for row in overrides} == {"job", "unit_group"}
    for row in overrides:
        code = group.get(row["scope_code"], row["scope_code"])
        assert (code, row["attribute_id"], row["value"]) not in oasis, row


def test_attribute_ids_keep_the_contract() -> None:
    """Every attribute id is lower case, at most 64 characters long and begins with its domain."""
    for row in [*demo("attributes"), *rows("oasis_attributes")]:
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", row["attribute_id"])
        assert row["attribute_id"].startswith(row["domain"].replace(" ", "_") + "_")


def test_recorded_answers_have_the_replay_columns() -> None:
    """The recorded answers' header is the one that the replay reads."""
    path = SEEDS / "demo" / "demo_llm_recorded_answers.csv"
    assert path.read_text(encoding="utf-8").splitlines()[0] == (
        "question_key,job_id,attribute_id,value,confidence,rationale,model_requested,model_used,"
        "prompt_version,request_id,imputed_at"
    )


def test_precedence_and_specificity_are_ranked() -> None:
    """Sources and scopes rank without ties, and a more specific scope is never trusted less."""
    precedence = {row["source_type"]: int(row["precedence"]) for row in rows("source_precedence")}
    assert precedence == {"REVIEW": 4, "AUTHORITATIVE": 3, "ONET": 2, "LLM": 1}
    levels = sorted(rows("inheritance_levels"), key=lambda row: int(row["specificity"]))
    assert len({row["specificity"] for row in levels}) == len(levels) == 8
    confidences = [float(row["confidence"]) for row in levels]
    assert confidences == sorted(confidences)
    assert all(0 <= confidence <= 1 for confidence in confidences)
