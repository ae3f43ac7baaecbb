"""The input contract: what breaks it stops the run and is named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from jobforge.errors import InputError
from jobforge.requests.inputs import Pack, read_packs, read_requests
from support.builders import ATTRIBUTES, LEADERSHIP, PACK, READING, packs_table, request
from support.builders import requests_table as table


def test_packs_come_back_in_their_order() -> None:
    """A pack's attributes stand in the order of their position, whatever the rows' order."""
    rows = packs_table(PACK)
    shuffled = rows.take([3, 1, 4, 0, 2])
    assert read_packs(shuffled) == {PACK.pack_id: PACK}


def test_packs_are_read_from_a_stream_too() -> None:
    """A record batch reader is as good as a table."""
    reader = packs_table(PACK).to_reader()
    assert read_packs(reader) == {PACK.pack_id: PACK}


def test_requests_come_back_as_they_were() -> None:
    """Every field of a request survives Arrow, nested ones too."""
    asked = request(known=[("k", "v")], comparable=[("Analyst", {"reading": "4"})])
    assert list(read_requests(table(asked))) == [asked]


def test_evidence_is_read_only_where_it_is_wanted() -> None:
    """A request that will not be sent keeps its identity and loses its evidence."""
    asked = request(known=[("k", "v")], comparable=[("Analyst", {"reading": "4"})])
    [bare] = read_requests(table(asked), with_evidence=False)
    assert bare == request()


def test_text_columns_may_be_of_any_arrow_text_type() -> None:
    """Warehouses give text as string, large_string or string_view."""
    rows = table(request())
    for kind in (pa.large_string(), pa.string_view()):
        cast = rows.set_column(1, "job_id", rows.column("job_id").cast(kind))
        assert [one.job.job_id for one in read_requests(cast)] == ["j1"]


@pytest.mark.parametrize(
    "change",
    [
        {"attribute_id": "Reading"},
        {"attribute_id": "1reading"},
        {"attribute_id": "reading; drop"},
        {"attribute_id": "r" * 65},
        {"value_type": "integer"},
        {"scale_minimum": None},
        {"scale_maximum": None},
        {"scale_minimum": Decimal(5)},
    ],
)
def test_a_broken_rating_is_named(change: dict[str, Any]) -> None:
    """A rating without an id, a type or a scale that holds is refused by name."""
    with pytest.raises(InputError, match="attribute '"):
        replace(READING, **change)


@pytest.mark.parametrize("allowed", [(), ("",), ("a", ""), ("a", "a")])
def test_a_broken_category_is_named(allowed: tuple[str, ...]) -> None:
    """A category needs allowed values, none empty and none twice."""
    with pytest.raises(InputError, match="leadership"):
        replace(LEADERSHIP, allowed_values=allowed)


def test_an_attribute_twice_in_a_pack_is_named() -> None:
    """A pack asks an attribute once."""
    with pytest.raises(InputError, match="organisation 1"):
        read_packs(packs_table(Pack(PACK.pack_id, (*ATTRIBUTES, READING))))


def test_an_attribute_outside_its_pack_is_named() -> None:
    """A request that asks for what its pack does not define is a broken input."""
    with pytest.raises(InputError, match=r"organisation 1.*poetry"):
        PACK.attribute("poetry")
