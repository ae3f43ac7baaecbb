"""`jobforge doctor --call`: what a server takes of what a run sends, and the vars to set."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from support.loopback_server import LoopbackServer

from cli.conftest import Place, connected


def test_doctor_asks_where_it_may_and_sees_a_schema_honoured(
    place: Place, server: LoopbackServer
) -> None:
    """`--call` sends a pack whose words and schema contradict each other, and says what it cost."""
    server.gives_logprobs = True
    done = place.jobforge("doctor", "--call", **connected(server))
    assert done.code == 0, done.all
    assert (
        "honoured by one reply of loopback-model: a pack of 16, whole numbers in enums" in done.out
    )
    assert "ok       logprobs      given" in done.out
    assert re.search(
        r"note +cost +3 requests, [1-9]\d* tokens in, [1-9]\d* out, 0.00 USD", done.out
    )
    assert not re.search("^[a-z]+ +vars", done.out, re.MULTILINE)
    assert [len(asked.attribute_ids) for asked in server.asked] == [16, 16, 1]


@pytest.mark.parametrize(
    ("quirk", "vars", "state", "says"),
    [
        ({"dialect": "strings"}, "{llm_text_bounds: off}", "note", "llm_schema_form: strings"),
        ({"dialect": "plain"}, "{llm_text_bounds: off}", "note", "llm_schema_form: plain"),
        (
            {"dialect": "strings"},
            "{llm_text_bounds: off, llm_schema_form: integers}",
            "problem",
            "llm_schema_form: strings",
        ),
        ({"dialect": "openai"}, "{}", "problem", "llm_text_bounds: off"),
        (
            {"refuses": ("max_tokens",)},
            "{}",
            "problem",
            "llm_max_tokens_parameter: max_completion_",
        ),
        (
            {"dialect": "azure"},
            "{llm_text_bounds: off, llm_attributes_per_call: 32}",
            "problem",
            "llm_attributes_per_call: 16",
        ),
        (
            {"dialect": "plain", "refuses": ("max_tokens",)},
            "{}",
            "problem",
            "llm_schema_form: plain, llm_text_bounds: off, llm_max_tokens_parameter: max_comp",
        ),
        (
            {"dialect": "flat"},
            "{llm_text_bounds: off, llm_schema_cells: shared}",
            "note",
            "llm_schema_cells: spelt_out; otherwise a live run writes its schema out",
        ),
        (
            {"dialect": "flat"},
            "{llm_text_bounds: off, llm_schema_cells: shared, llm_schema_form: strings}",
            "problem",
            "llm_schema_cells: spelt_out",
        ),
        (
            {"dialect": "flat", "refuses": ("max_tokens",)},
            "{llm_text_bounds: off, llm_schema_cells: shared}",
            "problem",
            "llm_schema_cells: spelt_out, llm_max_tokens_parameter: max_completion_",
        ),
    ],
)
def test_doctor_finds_the_vars_that_a_server_needs(
    place: Place,
    server: LoopbackServer,
    quirk: dict[str, Any],
    vars: str,
    state: str,
    says: str,
) -> None:
    """What the server refuses of a run's requests is found out, and the vars to set are named."""
    for name, value in quirk.items():
        setattr(server, name, value)
    done = place.jobforge("doctor", "--call", "--vars", vars, **connected(server))
    assert done.code == (1 if state == "problem" else 0), done.all
    (line,) = re.findall(r"^\w+ +vars .*$", done.out, re.MULTILINE)
    assert line.startswith(f"{state:<9}vars")
    assert f"set {says}" in line
    assert "ok       schemas" in done.out
    assert f"{server.count} requests" in done.out
    # With these vars all is well.
    wanted = line.split("set ")[1].split(";")[0]
    more = f"{{{', '.join(filter(None, (vars.strip('{}'), wanted)))}}}"
    given = yaml.safe_load(more)
    done = place.jobforge("doctor", "--call", "--vars", json.dumps(given), **connected(server))
    assert done.code == 0, done.all
    assert not re.search("^[a-z]+ +vars", done.out, re.MULTILINE)


@pytest.mark.parametrize("quirk", [{}, {"dialect": "strings"}, {"dialect": "azure"}])
def test_doctor_tries_shared_cells(
    place: Place, server: LoopbackServer, quirk: dict[str, Any]
) -> None:
    """Where a server follows them, in whichever form, it says what to set; then it asks no more."""
    for name, value in quirk.items():
        setattr(server, name, value)
    vars = {"llm_text_bounds": "off"}
    done = place.jobforge("doctor", "--call", "--vars", json.dumps(vars), **connected(server))
    assert done.code == 0, done.all
    assert "ok       cells         shared cells are taken: set llm_schema_cells: shared" in done.out
    tried = [one.schema for one in server.asked if "probe_1" in one.attribute_ids]
    refers = ["$ref" in schema["properties"]["probe_1"] for schema in tried]
    assert refers.count(True) == 1
    vars |= {"llm_schema_cells": "shared"}
    done = place.jobforge("doctor", "--call", "--vars", json.dumps(vars), **connected(server))
    assert done.code == 0, done.all
    assert "$defs, shared cells, max_tokens" in done.out
    assert not re.search("^[a-z]+ +cells", done.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("dialect", "says", "requests"),
    [
        ("flat", "llm_schema_cells: shared is no choice here: the server rejects the request", 3),
        ("plain", "written out: a server without $defs shares nothing", 4),
    ],
)
def test_doctor_says_that_cells_cannot_be_shared(
    place: Place, server: LoopbackServer, dialect: str, says: str, requests: int
) -> None:
    """A run asks as it did, so that it is no problem."""
    server.dialect = dialect
    vars = "{llm_text_bounds: off}"
    done = place.jobforge("doctor", "--call", "--vars", vars, **connected(server))
    assert done.code == 0, done.all
    assert f"note     cells         {says}" in done.out
    assert server.count == requests


def test_doctor_says_that_shared_cells_are_not_honoured(
    place: Place, server: LoopbackServer
) -> None:
    """A server that takes the schema and does not follow it is told apart from one that refuses."""
    server.script("ok", "out_of_range")
    done = place.jobforge("doctor", "--call", **connected(server))
    assert done.code == 0, done.all
    assert "note     cells         llm_schema_cells: shared is no choice here: not hon" in done.out


def test_doctor_says_that_logprobs_are_refused(place: Place, server: LoopbackServer) -> None:
    """A run does without them, so that it is no problem."""
    server.refuses = ("logprobs",)
    done = place.jobforge("doctor", "--call", **connected(server))
    assert done.code == 0, done.all
    assert "note     logprobs      refused" in done.out


def test_doctor_says_that_nothing_helps(place: Place, server: LoopbackServer) -> None:
    """A server that rejects every form is a problem with the server's own words, and ends soon."""
    server.rates = {"400": 1.0}
    done = place.jobforge("doctor", "--call", **connected(server))
    assert done.code == 1
    assert "problem  schemas       the server rejects the request (400): Invalid schema" in done.out
    assert server.count <= 12
    assert f"{server.count} requests" in done.out


@pytest.mark.parametrize("var", ["llm_attributes_per_call: many", "llm_schema_form: numbers"])
def test_doctor_says_that_a_var_has_no_meaning(
    place: Place, server: LoopbackServer, var: str
) -> None:
    """A typing error in what steers the request is a problem, and nothing is sent."""
    done = place.jobforge("doctor", "--call", "--vars", f"{{{var}}}", **connected(server))
    assert done.code == 1
    assert f"problem  schemas       {var.split(':')[0]} is '{var.split(': ')[1]}'" in done.out
    assert server.count == 0


@pytest.mark.parametrize("fault", ["bad_json", "out_of_range", "missing_attribute", "refusal"])
def test_doctor_sees_a_schema_that_is_not_honoured(
    place: Place, server: LoopbackServer, fault: str
) -> None:
    """A server that goes its own way is a problem before the run and not in it."""
    server.script(fault)
    done = place.jobforge("doctor", "--call", **connected(server))
    assert done.code == 1
    assert "problem  schemas" in done.out
