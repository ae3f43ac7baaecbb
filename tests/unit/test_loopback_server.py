"""The loopback server is a fair stand-in: it answers schemas truly and misbehaves on command."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import jsonschema
import openai
import pytest
from jobforge.requests.schema import response_format, response_schema
from support.builders import ATTRIBUTES
from support.loopback_server import LoopbackServer, instance_of, strict_schema_fault

TESTS = Path(__file__).parents[1]
FORM = response_format(ATTRIBUTES, text_bounds=True)


def client(server: LoopbackServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key="sk-test-0123456789", max_retries=0)


def test_instances_are_valid_and_repeat() -> None:
    """Every instance is valid for its schema, and the same for the same seed."""
    schema = response_schema(ATTRIBUTES, text_bounds=True)
    for seed in range(30):
        instance = instance_of(schema, str(seed))
        jsonschema.validate(instance, schema)
        assert instance == instance_of(schema, str(seed))
    assert instance_of(schema, "0") != instance_of(schema, "1")


def test_models_can_be_listed(server: LoopbackServer) -> None:
    """GET /v1/models names the model."""
    assert [model.id for model in client(server).models.list()] == ["loopback-model"]


def test_log_has_the_request_without_the_key(tmp_path: Path) -> None:
    """The log file holds every request as one JSON line, and no key."""
    log = tmp_path / "log.jsonl"
    with LoopbackServer(log_file=log) as server:
        for text in ("one", "two"):
            client(server).chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": text}],
                response_format=FORM,  # type: ignore[call-overload]
            )
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["body"]["messages"][0]["content"] for line in lines] == ["one", "two"]
    assert [line["has_key"] for line in lines] == [True, True]
    assert "sk-test" not in log.read_text()


def test_rates_are_met_by_their_share() -> None:
    """A rate of faults is met, the same way for the same seed."""
    server = LoopbackServer(rates={"500": 0.2, "reset": 0.1}, seed=1)
    drawn = [server._draw() for _ in range(2000)]
    assert 300 < drawn.count("500") < 500
    assert 130 < drawn.count("reset") < 270
    again = LoopbackServer(rates={"500": 0.2, "reset": 0.1}, seed=1)
    assert [again._draw() for _ in range(2000)] == drawn


@pytest.mark.parametrize("fault", ["explode", "500 ", "", "ok2=1"])
def test_an_unknown_fault_is_refused(fault: str) -> None:
    """A mistyped fault does not pass for good behaviour."""
    with pytest.raises(ValueError, match="is no fault"):
        LoopbackServer().script(fault)
    with pytest.raises(ValueError, match="is no fault"):
        LoopbackServer(rates={fault: 1.0})


@pytest.mark.parametrize(
    ("schema", "dialect"),
    [
        ({"type": "array", "items": {"type": "string"}}, "openai"),
        ({"type": "object", "properties": {}, "required": []}, "openai"),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "required": [],
                "additionalProperties": False,
            },
            "openai",
        ),
        (response_schema(ATTRIBUTES, text_bounds=True), "openai"),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "integer", "minimum": 0}},
                "required": ["a"],
                "additionalProperties": False,
            },
            "azure",
        ),
    ],
)
def test_strict_mode_is_strict(schema: dict[str, object], dialect: str) -> None:
    """Schemas that a provider's strict mode refuses are refused here."""
    assert strict_schema_fault(schema, dialect)


def test_refused_schema_is_a_400() -> None:
    """In a provider's dialect, a schema that it refuses is answered with a 400."""
    with LoopbackServer(dialect="openai") as server, pytest.raises(openai.BadRequestError):
        client(server).chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "x"}],
            response_format=FORM,  # type: ignore[call-overload]
        )


def test_runs_as_a_program(tmp_path: Path) -> None:
    """As a program it says its address and serves until it is stopped."""
    command = [sys.executable, "-m", "support.loopback_server", "--port", "0"]
    log = tmp_path / "log.jsonl"
    with subprocess.Popen(
        [*command, "--log", str(log)], cwd=TESTS, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        address = program.stdout.readline().decode().strip().removeprefix("OPENAI_BASE_URL=")
        try:
            # An opener of its own: the shared one keeps the proxies of the test that made it.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{address}/models") as reply:
                assert json.load(reply)["data"][0]["id"] == "loopback-model"
        finally:
            program.terminate()
