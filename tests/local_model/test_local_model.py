"""A real model over HTTP: Structured Outputs truly bind it, for all five value types.

What is asserted is structure, not values: a model of 135 million parameters knows little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest
from jobforge.errors import FatalRunError
from jobforge.requests.inputs import Job, Pack
from jobforge.settings import SchemaCells, Settings
from local_llm import LocalServer, serve
from support.builders import ATTRIBUTES, IDS, LEADERSHIP, READING, SHIFTS, request, run

pytestmark = [pytest.mark.local_model, pytest.mark.usefixtures("ledger_file")]
pytest.importorskip("xllamacpp", reason="the dependency group local-llm is not installed")

SMALL = Pack(
    "small", (LEADERSHIP, SHIFTS, replace(READING, attribute_id="writing", name="Writing"))
)


@pytest.fixture(scope="module")
def local(registry_access: None) -> Iterator[LocalServer]:
    """SmolLM2 behind an address on this machine."""
    with serve("smollm2") as server:
        yield server


@pytest.fixture(autouse=True)
def environment(local: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the environment at the model."""
    monkeypatch.setenv("OPENAI_BASE_URL", local.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", local.api_key)


@pytest.mark.parametrize("cells", get_args(SchemaCells))
def test_cells_of_all_value_types_are_answered(local: LocalServer, cells: SchemaCells) -> None:
    """Two packs of all five types come back whole, checked, and signed by the model.

    With either way to write their schema, in one request each: no other form was needed.
    """
    lines: list[str] = []
    small = [attribute.attribute_id for attribute in SMALL.attributes]
    rows = run(
        request(comparable=[("Business Analyst", {"reading": "4", "leadership": "none"})]),
        replace(request(Job("j2", "Registered Nurse"), tuple(small)), pack_id="small"),
        settings=Settings(
            mode="live", model=local.model, max_output_tokens=1024, schema_cells=cells
        ),
        packs=[Pack("organisation 1", ATTRIBUTES), SMALL],
        log=lines.append,
    )
    assert sorted(row["attribute_id"] for row in rows) == sorted([*IDS, *small])
    assert [(row["attribute_id"], row["reason"]) for row in rows if row["reason"]] == []
    assert {row["outcome"] for row in rows} == {"answered"}
    assert {row["model_used"] for row in rows} == {local.model}
    assert all(0 <= row["confidence"] <= 1 and row["rationale"] for row in rows)
    assert not [line for line in lines if "takes another form" in line]


def test_only_who_has_the_key_is_served(
    local: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key is turned away, and the run says so."""
    monkeypatch.setenv("OPENAI_API_KEY", "wrong-key")
    with pytest.raises(FatalRunError, match="rejects the key"):
        run(request(attribute_ids=("shifts",)), settings=Settings(mode="live", model=local.model))
