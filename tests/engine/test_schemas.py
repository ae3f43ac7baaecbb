"""Schemas that a server does not take as they are: written otherwise, or cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jobforge.errors import FatalRunError
from jobforge.requests.dialects import form_of
from jobforge.requests.inputs import Pack
from support.builders import ATTRIBUTES, IDS, LEADERSHIP, PACK, jobs
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS

from engine.runs import (
    IN_TURN,
    LIVE,
    Runs,
    check_ledger,
    ledger_attempts,
    outcomes,
    reasons,
    values,
)

BATCH = {"mode": "batch", "batch_wait_seconds": HANG_SECONDS}


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs without bounds of texts, as any server far away gets them."""
    return Runs(live_server, replace(LIVE, text_bounds="off"))


def forms(runs: Runs) -> list[str]:
    """The forms of the schemas that the last run sent, one after the other."""
    sent = [form_of(json.dumps(asked.body["response_format"])) for asked in runs.asked]
    return [form for number, form in enumerate(sent) if form != sent[number - 1] or number == 0]


@pytest.mark.parametrize(
    ("dialect", "tried"),
    [
        ("openai", ["integers"]),
        ("strings", ["integers", "strings"]),
        ("plain", ["integers", "strings", "plain"]),
    ],
)
def test_the_form_that_a_server_takes_is_found_out(
    runs: Runs, dialect: str, tried: list[str]
) -> None:
    """What is rejected is sent in the next form, the rest of the run in the one that is taken."""
    lines: list[str] = []
    runs.server.dialect = dialect
    settings = {"max_in_flight": 1}
    rows = runs(*jobs(6), settings=settings, log=lines.append)
    assert outcomes(rows) == {"answered": 6 * len(IDS)}
    assert forms(runs) == tried
    assert len(runs.asked) == 6 + len(tried) - 1
    said = [line for line in lines if f"llm_schema_form: {tried[-1]} spares" in line]
    assert len(said) == (1 if len(tried) > 1 else 0)
    assert len(ledger_attempts()) == len(runs.asked)
    check_ledger()


def test_many_requests_at_once_find_the_form_out_together(runs: Runs) -> None:
    """Whatever was in flight when the first was rejected is sent again, and nothing is lost."""
    runs.server.dialect = "plain"
    rows = runs(*jobs(40), settings={"max_in_flight": 8})
    assert outcomes(rows) == {"answered": 40 * len(IDS)}
    assert len(runs.asked) <= 40 + 8 + 1


def test_the_form_is_in_no_key(runs: Runs) -> None:
    """An answer that was given in one form is known to a run that would ask in another."""
    runs.server.dialect = "plain"
    first = runs(*jobs(2))
    runs.server.dialect = "openai"
    again = runs(*jobs(2), settings={"schema_form": "integers"})
    assert values(again) == values(first)
    assert runs.asked == []


def test_a_form_that_is_set_is_the_only_one(runs: Runs) -> None:
    """With the var set nothing else is sent, whether the server takes it or not."""
    runs.server.dialect = "strings"
    runs(*jobs(2), settings={"schema_form": "strings"})
    assert forms(runs) == ["strings"]
    with pytest.raises(FatalRunError, match="rejects the request"):
        runs(*jobs(9)[2:], settings={"schema_form": "integers"})
    assert forms(runs) == ["integers"]


def test_a_server_that_takes_no_form_says_why(runs: Runs) -> None:
    """Where all forms are rejected the run ends as it does for any rejection."""
    runs.server.rates = {"400": 1.0}
    with pytest.raises(FatalRunError, match="Invalid schema for response_format"):
        runs(*jobs(50), settings=IN_TURN)
    assert len(runs.asked) == 3 + 2


def test_a_form_is_read_from_a_batch(runs: Runs) -> None:
    """Results of a batch are read in the form in which they were asked for."""
    runs.server.dialect = "strings"
    runs.server.batches.end_when_looked_at(1)
    rows = runs(*jobs(3), settings={**BATCH, "schema_form": "strings"})
    assert outcomes(rows) == {"answered": 3 * len(IDS)}


@pytest.mark.parametrize("mode", [{}, BATCH])
def test_a_reason_elsewhere_is_another_question(runs: Runs, mode: dict[str, Any]) -> None:
    """Each place has answers of its own, which stay; without a reason there is none."""
    runs.server.batches.end_when_looked_at(1)
    versions = set()
    for rationale in ("before", "after", "none"):
        rows = runs(*jobs(2), settings={**mode, "rationale": rationale})
        assert outcomes(rows) == {"answered": 2 * len(IDS)}
        assert len(runs.asked) == 2
        assert {bool(row["rationale"]) for row in rows} == {rationale != "none"}
        (version,) = {row["prompt_version"] for row in rows}
        versions.add(version)
    assert len(versions) == 3
    for rationale in ("before", "after", "none"):
        runs(*jobs(2), settings={**mode, "rationale": rationale})
        assert runs.asked == []
    check_ledger()


def test_probabilities_are_asked_for_and_kept(runs: Runs) -> None:
    """With the setting each request asks for them; they are in no key."""
    runs.server.gives_logprobs = True
    runs(*jobs(2), settings={"logprobs": True})
    assert all(asked.body["logprobs"] is True for asked in runs.asked)
    assert all(asked.body["top_logprobs"] == 20 for asked in runs.asked)
    runs(*jobs(2))
    assert runs.asked == []


def test_a_server_that_refuses_probabilities_says_what_to_set(runs: Runs) -> None:
    """The run stops with the server's words and the var."""
    runs.server.refuses = ("logprobs",)
    with pytest.raises(FatalRunError, match=r"no logprobs here.*llm_logprobs: false"):
        runs(*jobs(9), settings={"logprobs": True})


CATEGORY = tuple(f"value {number}" for number in range(400))


def large_pack() -> Pack:
    """A pack whose schema no server with OpenAI's limits takes, by three of its attributes."""
    large = (
        replace(LEADERSHIP, attribute_id=f"large_{number}", allowed_values=CATEGORY)
        for number in range(3)
    )
    return Pack(PACK.pack_id, (*ATTRIBUTES, *large))


@pytest.mark.parametrize("mode", [{}, BATCH])
def test_a_pack_is_cut_where_its_schema_would_be_too_large(
    runs: Runs, mode: dict[str, Any]
) -> None:
    """Every cell is asked for once, in requests that the server takes; what is known stays."""
    pack = large_pack()
    runs.server.dialect = "openai"
    runs.server.batches.end_when_looked_at(1)
    ids = tuple(attribute.attribute_id for attribute in pack.attributes)
    asked = [replace(one, attribute_ids=ids) for one in jobs(2)]
    runs(*(replace(one, attribute_ids=ids[:2]) for one in asked), packs=[pack])
    rows = runs(*asked, packs=[pack], settings=mode)
    assert outcomes(rows) == {"answered": 2 * len(ids)}
    sent = {one.attribute_ids[0]: tuple(one.attribute_ids) for one in runs.asked}
    assert sorted(sent.values()) == sorted([ids[2:7], ids[7:]])
    assert len(runs.asked) == 4
    assert outcomes(runs(*asked, packs=[pack])) == {"answered": 2 * len(ids)}
    assert runs.asked == []
    check_ledger()


def test_a_pack_that_is_cut_is_planned_so(runs: Runs) -> None:
    """The plan counts a cut pack's requests."""
    pack = large_pack()
    ids = tuple(attribute.attribute_id for attribute in pack.attributes)
    asked = [replace(one, attribute_ids=ids) for one in jobs(3)]
    rows = runs(*asked, packs=[pack], settings={"mode": "plan"})
    assert sum(row["estimated_calls"] for row in rows) == pytest.approx(6)


def test_a_category_of_too_many_values_bars_nobody(runs: Runs) -> None:
    """More values than a schema may list are asked for as a text, and the reply is checked."""
    many = tuple(f"value {number}" for number in range(1200))
    large = replace(LEADERSHIP, attribute_id="large", allowed_values=many)
    pack = Pack(PACK.pack_id, (*ATTRIBUTES, large))
    runs.server.dialect = "openai"
    asked = [replace(one, attribute_ids=(*IDS, "large")) for one in jobs(2)]
    rows = runs(*asked, packs=[pack])
    assert outcomes(rows) == {"answered": 2 * len(IDS), "failed": 2}
    assert {row["attribute_id"] for row in rows if row["outcome"] == "failed"} == {"large"}
    assert any("not one of the allowed values" in reason for reason in reasons(rows))
