"""What the sources say of one cell against each other, found again from the provenance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from math import copysign, floor
from typing import Any

import pytest

from e2e.runs import Warehouse

CONFLICTS = "main.gold_source_conflicts"
ATTRIBUTES = "main_intermediate.int_attributes"
TOLERANT = "knowledge_client_services"


@pytest.fixture(scope="module")
def tolerant(copy_of_demo: Callable[..., Warehouse]) -> Warehouse:
    """The demo, with a tolerance for one of the attributes in which its sources differ most."""
    warehouse = copy_of_demo("conflicts")
    warehouse.query(f"update {ATTRIBUTES} set tolerance = 1.5 where attribute_id = '{TOLERANT}'")
    return warehouse


def whole(number: float) -> int:
    """Round a half away from 0."""
    return int(copysign(floor(abs(number) + 0.5), number))


def conflicts(warehouse: Warehouse) -> Iterator[tuple[Any, ...]]:
    """Yield the conflicts that the provenance has, decided here."""
    catalogue = {row["attribute_id"]: row for row in warehouse.dicts(f"from {ATTRIBUTES}")}
    best: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in warehouse.dicts("from main.gold_job_attribute_provenance order by candidate_rank"):
        best[row["job_id"], row["attribute_id"]].setdefault(row["source_type"], row)
    for (job_id, attribute_id), sources in best.items():
        attribute = catalogue[attribute_id]
        ranked = sorted(sources.values(), key=lambda row: -row["source_precedence"])
        for one, other in combinations(ranked, 2):
            said = (one["value"], other["value"])
            difference = share = None
            if attribute["value_type"] in ("rating", "number"):
                first, second = map(float, said)
                difference = round(abs(first - second), 6)
                low, high = attribute["scale_minimum"], attribute["scale_maximum"]
                if low is not None and high is not None:
                    share = round(difference / (high - low), 6)
                tolerance = attribute["tolerance"]
                alike = whole(first) == whole(second)
                alike |= tolerance is not None and difference <= tolerance
            else:
                alike = attribute["value_type"] == "text" or said[0] == said[1]
            if not alike:
                names = (one["source_type"], said[0], one["source_record"])
                others = (other["source_type"], said[1], other["source_record"])
                yield (job_id, attribute_id, *names, *others, difference, share)


def shown(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Return the rows of gold, as they come."""
    return warehouse.query(
        f"""
        select
            job_id, attribute_id, source_type, value, source_record, other_source_type,
            other_value, other_source_record, difference, difference_share
        from {CONFLICTS}
        """
    )


@pytest.mark.parametrize("name", ["demo", "tolerant"])
def test_conflicts_are_those_of_the_provenance(name: str, request: pytest.FixtureRequest) -> None:
    """Gold lists each pair of sources that disagree, with what both say, and no other."""
    warehouse: Warehouse = request.getfixturevalue(name)
    expected = sorted(conflicts(warehouse))
    assert expected
    assert sorted(shown(warehouse)) == expected


def test_a_tolerance_takes_conflicts_away(demo: Warehouse, tolerant: Warehouse) -> None:
    """With a tolerance only what is further apart is left of an attribute's conflicts."""
    of_attribute = [row[8] for row in shown(demo) if row[1] == TOLERANT]
    left = [row[8] for row in shown(tolerant) if row[1] == TOLERANT]
    assert min(of_attribute) <= 1.5 < max(of_attribute)
    assert left == [difference for difference in of_attribute if difference > 1.5]


def test_the_largest_differences_come_first(demo: Warehouse) -> None:
    """A reader of the first rows sees what is furthest apart on its scale."""
    shares = [row[-1] for row in shown(demo)]
    assert shares == sorted(shares, reverse=True)
