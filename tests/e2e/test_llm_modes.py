"""The model's part of a run, against a real HTTP server that stands in for the API."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from support.loopback_server import Asked, LoopbackServer, instance_of

from e2e.runs import BUILD, Run, Warehouse

GOLD = "main.gold_job_attributes"
KEY = "sk-e2e-4f9d2c7b81e6"


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """Answer a request; a strict schema cannot bound a number, so this one is brought in bounds."""
    schema = body["response_format"]["json_schema"]["schema"]
    cells: dict[str, Any] = instance_of(schema, json.dumps(body["messages"]))
    if "organisation_typical_team_size" in cells:
        cells["organisation_typical_team_size"]["value"] = 12
    return cells


@dataclass(frozen=True)
class Question:
    """What is asked of one job and pack, however often it is sent, and the fault it meets."""

    fault: str
    title: str
    attribute_ids: list[str]


@dataclass
class Server(LoopbackServer):
    """A server whose faults stay with a question: asked again, it meets its fault again.

    faults: one for each question, in the order in which they first arrive; then none.
    """

    faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.questions: dict[tuple[str, str], Question] = {}
        self._choosing = threading.Lock()

    def record(
        self, path: str, headers: Mapping[str, str], body: dict[str, Any]
    ) -> tuple[str, int]:
        """Log a request; return the fault of its question and its number."""
        if not self.faults:
            return super().record(path, headers, body)
        with self._choosing:
            self.script(self._fault(Asked(path, headers, body, "", has_key=False)))
            return super().record(path, headers, body)

    def _fault(self, asked: Asked) -> str:
        key = (asked.messages[0]["content"], job_data(asked)["job"]["title"])
        is_new = key not in self.questions
        if is_new:
            left = self.faults[len(self.questions) :]
            fault = left[0] if left else "ok"
            self.questions[key] = Question(fault, key[1], asked.attribute_ids)
        question = self.questions[key]
        if question.fault in PASSING:
            return PASSING[question.fault] if is_new else "ok"
        if question.fault in FIRST_CELL:
            first = question.attribute_ids[0]
            return f"{question.fault}={first}" if first in asked.attribute_ids else "ok"
        return question.fault


@dataclass(frozen=True)
class Live:
    """A run that may ask, and what the server saw of it."""

    warehouse: Warehouse
    run: Run
    server: Server

    @property
    def asked(self) -> list[Asked]:
        """Every request, in the order in which it arrived."""
        return self.server.asked

    def counts(self) -> Counter[str]:
        """Cells of gold by fill status."""
        return Counter(
            dict(self.warehouse.query(f"select fill_status, count(*) from {GOLD} group by all"))
        )


def job_data(asked: Asked) -> dict[str, Any]:
    """Return the data about the job that a request carries."""
    (text,) = re.findall(r"<job_data>\n(.*)\n</job_data>", asked.messages[1]["content"])
    data: dict[str, Any] = json.loads(text)
    return data


def missing_cells(warehouse: Warehouse) -> int:
    """Return the number of cells that the sources leave open."""
    count: int = warehouse.one("select count(*) from main_intermediate.int_missing_cells")
    return count


@dataclass(frozen=True)
class Scenario:
    """Settings, what is set in the environment, and how the server behaves."""

    vars: dict[str, Any]
    command: tuple[str, ...] = (*BUILD, "llm_imputed_attributes+")
    key: str | None = KEY
    faults: tuple[str, ...] = ()
    rates: dict[str, float] = field(default_factory=dict)
    model: str | None = "loopback-model"

    def run(self, warehouse: Warehouse) -> Live:
        """Run dbt against a server of this scenario's own."""
        server = Server(answer=answer, rates=self.rates, model=self.model, faults=self.faults)
        with server:
            env = {"OPENAI_BASE_URL": server.base_url}
            if self.key:
                env["OPENAI_API_KEY"] = self.key
            run = warehouse.dbt(*self.command, env=env)
            return Live(warehouse, run, server)


# Fault -> what becomes of the request's cells: all of them, or the first of them only.
WHOLE_REPLY = {
    "refusal": ("refused", "refused"),
    "content_filter": ("refused", "content filter"),
    "content_filter_400": ("refused", "refused"),
    "truncated": ("failed", "truncated"),
    "bad_json": ("failed", "unreadable"),
    "duplicate_key": ("failed", "unreadable"),
    "not_an_object": ("failed", "not a JSON object"),
    "nan": ("failed", "unreadable"),
    "empty_content": ("failed", "empty"),
    "null_content": ("failed", "empty"),
    "empty_choices": ("failed", "no choices"),
    "error_body": ("failed", "upstream failed"),
    "html": ("failed", "unreadable"),
    "context_too_long": ("failed", "too long"),
    "413": ("failed", "too long"),
    "flood=10": ("failed", "larger than"),
}
FIRST_CELL = {
    "wrong_type": "value is not",
    "out_of_range": "value",
    "missing_attribute": "leaves this attribute out",
    "not_a_cell": "not an object",
    "no_rationale": "no rationale",
    "empty_rationale": "rationale is empty",
    "bad_confidence": "confidence",
    "fraction_confidence": "confidence",
}
# These are tried again, a bounded number of times.
TRANSIENT = {
    "500=0.01": "server fault 500",
    "503=0.01": "server fault 503",
    "408=0.01": "server fault 408",
    "reset": "no connection",
    "429=0.05": "rate limited",
    "slow": "no reply within 3 seconds",
    "drip=0.1": "no reply within 3 seconds",
}
# Faults that are gone at the second try.
PASSING = {"one 500": "500=0.01", "one 429": "429", "one reset": "reset"}
NO_HARM = ("ok", "extra_attribute", "other_model")

SCENARIOS = {
    # Nothing is set but the address.
    "address_only": Scenario({"llm_mode": "auto", "llm_max_calls": 1000}, key=None),
    # A key, five attributes a call, and another model.
    "with_key": Scenario(
        {
            "llm_mode": "live",
            "llm_max_calls": 1000,
            "llm_attributes_per_call": 5,
            "llm_model": "some-other-model",
        },
        command=(*BUILD, "int_attribute_packs+"),
        model=None,
    ),
    # The server misbehaves in every way, in another for each question.
    "misbehaving": Scenario(
        {"llm_mode": "live", "llm_max_calls": 1000, "llm_timeout_seconds": 3},
        faults=(*NO_HARM, *FIRST_CELL, *PASSING, *TRANSIENT, *WHOLE_REPLY),
    ),
    # The server rejects the key, and repeats it in its message.
    "rejected": Scenario({"llm_mode": "live", "llm_on_fatal": "warn"}, rates={"401_echo": 1.0}),
    "capped": Scenario({"llm_mode": "auto", "llm_max_calls": 3}),
    "off": Scenario({"llm_mode": "off"}, command=("run", "--select", "llm_imputed_attributes+")),
}


@pytest.fixture(scope="module")
def runs(copy_of_demo: Callable[..., Warehouse], side_by_side: Executor) -> dict[str, Future[Live]]:
    """Every scenario's run, by its name."""
    return {
        name: side_by_side.submit(
            scenario.run, replace(copy_of_demo(name, **scenario.vars), with_log=True)
        )
        for name, scenario in SCENARIOS.items()
    }


@pytest.fixture(scope="module")
def address_only(runs: dict[str, Future[Live]]) -> Live:
    """The run of that scenario."""
    return runs["address_only"].result()


@pytest.fixture(scope="module")
def with_key(runs: dict[str, Future[Live]]) -> Live:
    """The run of that scenario."""
    return runs["with_key"].result()


@pytest.fixture(scope="module")
def misbehaving(runs: dict[str, Future[Live]]) -> Live:
    """The run of that scenario."""
    return runs["misbehaving"].result()


@pytest.fixture(scope="module")
def rejected(runs: dict[str, Future[Live]]) -> Live:
    """The run of that scenario."""
    return runs["rejected"].result()


@pytest.fixture(scope="module")
def capped(runs: dict[str, Future[Live]]) -> Live:
    """The run of that scenario."""
    return runs["capped"].result()


@pytest.fixture(scope="module")
def off(runs: dict[str, Future[Live]]) -> Live:
    """The run of that scenario."""
    return runs["off"].result()


def test_live_fills_every_missing_cell(address_only: Live) -> None:
    """With nothing set but the address, the model fills every cell that the sources leave open."""
    address_only.run.ok()
    counts = address_only.counts()
    assert counts["llm"] == missing_cells(address_only.warehouse)
    assert set(counts) == {"authoritative", "onet", "llm"}


def test_live_with_key_fills_every_missing_cell(with_key: Live) -> None:
    """With a key it does so too."""
    with_key.run.ok()
    assert with_key.counts()["llm"] == missing_cells(with_key.warehouse)
    assert set(with_key.counts()) == {"authoritative", "onet", "llm"}


def test_key_is_sent_where_it_is_set(address_only: Live, with_key: Live) -> None:
    """The key that is set reaches the server; without one a placeholder does."""
    assert all(asked.has_key for asked in with_key.asked + address_only.asked)


def test_no_cell_is_asked_twice(address_only: Live) -> None:
    """Each missing cell is asked in one request, and no known cell is asked at all."""
    asked = Counter(
        (job_data(request)["job"]["title"], attribute_id)
        for request in address_only.asked
        for attribute_id in request.attribute_ids
    )
    missing = address_only.warehouse.query(
        """
        select jobs.job_title, missing.attribute_id
        from main_intermediate.int_missing_cells__readable as missing
        inner join main_intermediate.int_jobs as jobs using (job_id)
        """
    )
    assert asked == Counter(missing)


def test_requests_carry_a_strict_schema(address_only: Live) -> None:
    """Each request has a strict schema of one required object per attribute, in a fixed order."""
    types = dict(
        address_only.warehouse.query(
            "select attribute_id, value_type from main_intermediate.int_attributes"
        )
    )
    seen = set()
    for asked in address_only.asked:
        form = asked.body["response_format"]
        assert form["type"] == "json_schema"
        assert form["json_schema"]["strict"] is True
        schema = asked.schema
        assert schema["required"] == list(schema["properties"])
        assert schema["additionalProperties"] is False
        for attribute_id, cell in schema["properties"].items():
            assert cell["required"] == ["rationale", "value", "confidence"]
            assert list(cell["properties"]) == cell["required"]
            assert cell["additionalProperties"] is False
            seen.add(types[attribute_id])
    assert seen == {"rating", "number", "category", "boolean", "text"}


def test_values_are_what_the_server_said(address_only: Live) -> None:
    """A filled cell has its model, prompt version, request, time and a rationale of its own."""
    rows = address_only.warehouse.dicts(f"select * from {GOLD} where source_type = 'LLM'")
    for row in rows:
        assert row["model_used"] == "loopback-model"
        assert row["rationale"].startswith(f"because of {row['attribute_id']}"[:20])
        assert 0 <= row["stated_confidence"] <= 1
        assert row["prompt_version"]
        assert row["request_id"].startswith("req_")
        assert row["imputed_at"].tzinfo
    assert len({row["request_id"] for row in rows}) == len(address_only.asked)


def test_answer_of_any_confidence_counts(address_only: Live) -> None:
    """Answers of no confidence at all are values like the others."""
    assert address_only.warehouse.one(
        f"select count(*) from {GOLD} where source_type = 'LLM' and stated_confidence = 0"
    )


def test_what_was_answered_is_never_asked_again(address_only: Live, place: Path) -> None:
    """Neither after `--full-refresh` nor without the warehouse's file; other evidence is said."""
    first = address_only.warehouse
    cells = f"select job_id, attribute_id, value, request_id, imputed_at from {GOLD} order by all"
    refreshed = first.copy_to(place / "refreshed")
    (job_id,) = refreshed.query(f"select min(job_id) from {GOLD} where source_type = 'LLM'")[0]
    refreshed.query(
        "update main_intermediate.int_imputation_requests set known_attributes = []"
        " where job_id = $1",
        job_id,
    )
    (place / "deleted").mkdir()
    deleted = Warehouse(place / "deleted", first.targets, first.vars)
    with Server(answer=answer) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "JOBFORGE_LEDGER": str(first.ledger)}
        refreshed.dbt(*BUILD, "llm_imputed_attributes+", "--full-refresh", env=env).ok()
        deleted.dbt("build", "--exclude-resource-type", "unit_test", env=env).ok()
        assert server.asked == []
    assert refreshed.query(cells) == deleted.query(cells) == first.query(cells)
    stale = (
        f"select distinct job_id = $1, is_stale from {GOLD} where source_type = 'LLM' order by 1"
    )
    assert refreshed.query(stale, job_id) == [(False, False), (True, True)]
    assert deleted.query(stale, job_id) == [(False, False), (True, False)]


def test_superseded_answer_is_a_candidate_that_lost(address_only: Live, place: Path) -> None:
    """HR fills a cell that the model had answered: the answer can still be seen, for nothing."""
    warehouse = address_only.warehouse.copy_to(place / "superseded")
    cell = ("LW-022", "abilities_originality")
    said = warehouse.query(
        "select value, rationale, request_id, imputed_at, dbt_invocation_id"
        f" from {GOLD} where (job_id, attribute_id) = ($1, $2) and fill_status = 'llm'",
        *cell,
    )
    warehouse.query(
        "insert into main_demo.demo_authoritative_values"
        " values ('job', $1, $2, '2', 'HR ratings', '2026')",
        *cell,
    )
    with Server(answer=answer) as server:
        env = {
            "OPENAI_BASE_URL": server.base_url,
            "JOBFORGE_LEDGER": str(address_only.warehouse.ledger),
        }
        warehouse.dbt(*BUILD, "stg_authoritative_values+", env=env).ok()
        assert server.asked == []
    provenance = "main.gold_job_attribute_provenance where (job_id, attribute_id) = ($1, $2)"
    assert warehouse.query(
        "select candidate_rank, is_winner, source_type, is_superseded"
        f" from {provenance} order by 1",
        *cell,
    ) == [(1, True, "AUTHORITATIVE", None), (2, False, "LLM", True)]
    assert said == warehouse.query(
        "select value, rationale, request_id, imputed_at, dbt_invocation_id"
        f" from {provenance} and not is_winner",
        *cell,
    )
    others = "select count(*) from main.gold_job_attribute_provenance where is_superseded"
    assert warehouse.one(others) == 1


def test_prefix_is_the_same_for_every_job_of_a_pack(address_only: Live) -> None:
    """Requests of one pack share their system message to the byte, and are sent together."""
    packs = [
        row[0]
        for row in address_only.warehouse.query(
            "select pack_id from main_intermediate.int_imputation_requests order by request_order"
        )
    ]
    assert sum(one != two for one, two in itertools.pairwise(packs)) == len(set(packs)) - 1
    prefixes = Counter(asked.messages[0]["content"] for asked in address_only.asked)
    assert sorted(prefixes.values()) == sorted(Counter(packs).values())


def test_attributes_per_call_is_honoured(address_only: Live, with_key: Live) -> None:
    """A request asks at most `llm_attributes_per_call` attributes, all of one domain."""
    domains = dict(
        with_key.warehouse.query(
            "select attribute_id, domain from main_intermediate.int_attributes"
        )
    )
    for live, most in ((address_only, 16), (with_key, 5)):
        sizes = [len(asked.attribute_ids) for asked in live.asked]
        assert max(sizes) <= most
        for asked in live.asked:
            assert len({domains[attribute_id] for attribute_id in asked.attribute_ids}) == 1
    assert max(len(asked.attribute_ids) for asked in address_only.asked) > 5
    assert max(len(asked.attribute_ids) for asked in with_key.asked) == 5


def test_model_is_the_configured_one(with_key: Live) -> None:
    """The server is asked for `llm_model`, and gold names the model that the reply names."""
    assert {asked.body["model"] for asked in with_key.asked} == {"some-other-model"}
    assert with_key.warehouse.query(
        f"select distinct model_used from {GOLD} where source_type = 'LLM'"
    ) == [("some-other-model",)]


def test_cap_on_calls(capped: Live) -> None:
    """No more than `llm_max_calls` requests are sent; the cells left wait, counted and said."""
    capped.run.ok()
    sent = sum(len(asked.attribute_ids) for asked in capped.asked)
    left = missing_cells(capped.warehouse) - sent
    counts = capped.counts()
    assert len(capped.asked) == 3
    assert counts["llm"] == sent
    assert counts["awaiting_llm"] == left
    reasons = capped.warehouse.query(
        f"select distinct fill_reason from {GOLD} where fill_status = 'awaiting_llm'"
    )
    assert len(reasons) == 1
    assert "llm_max_calls" in reasons[0][0]
    assert re.search(rf"waiting for the model +{left} ", capped.run.output)
    assert f"{left} awaiting_llm: {reasons[0][0]}" in capped.run.output


def test_off_asks_nothing(off: Live) -> None:
    """`llm_mode: off` sends nothing although a key and an address are set."""
    off.run.ok()
    assert off.asked == []
    counts = off.counts()
    assert counts["awaiting_llm"] == missing_cells(off.warehouse)
    assert f"{counts['awaiting_llm']} awaiting_llm: llm_mode is off" in off.run.output


def cells_of(live: Live, fault: str) -> list[dict[str, Any]]:
    """Return gold's cells of the question that met a fault, in the order asked."""
    (question,) = [q for q in live.server.questions.values() if q.fault == fault][:1]
    cells = live.warehouse.dicts(
        f"""
        select gold.* from {GOLD} as gold
        inner join main_intermediate.int_jobs as jobs using (job_id)
        where jobs.job_title = $1 and list_contains($2, gold.attribute_id)
        order by list_position($2, gold.attribute_id)
        """,
        question.title,
        question.attribute_ids,
    )
    assert len(cells) == len(question.attribute_ids)
    return cells


def test_misbehaving_server_leaves_the_run_green(misbehaving: Live) -> None:
    """Whatever the server does, the run ends well and every dbt test holds."""
    misbehaving.run.ok()
    assert misbehaving.run.statuses("test")
    counts = misbehaving.counts()
    assert counts["llm"] + counts["failed"] + counts["refused"] == missing_cells(
        misbehaving.warehouse
    )
    assert counts["awaiting_llm"] == 0


@pytest.mark.parametrize("fault", WHOLE_REPLY)
def test_reply_that_is_no_answer(misbehaving: Live, fault: str) -> None:
    """A reply that is no answer gives its cells a status and a reason, and no value."""
    status, reason = WHOLE_REPLY[fault]
    for cell in cells_of(misbehaving, fault):
        assert cell["fill_status"] == status
        assert reason in cell["fill_reason"]
        assert cell["value"] is None
        assert cell["model_used"] is None


@pytest.mark.parametrize("fault", FIRST_CELL)
def test_bad_cell_spoils_no_other(misbehaving: Live, fault: str) -> None:
    """A cell that does not hold fails with its reason, and its neighbours are taken."""
    first, *others = cells_of(misbehaving, fault)
    assert first["fill_status"] == "failed"
    assert FIRST_CELL[fault] in first["fill_reason"]
    assert first["value"] is None
    assert {cell["fill_status"] for cell in others} <= {"llm"}


@pytest.mark.parametrize("fault", TRANSIENT)
def test_fault_that_stays_fails_its_request_alone(misbehaving: Live, fault: str) -> None:
    """A fault that outlives every try fails the question's cells, and the run goes on."""
    for cell in cells_of(misbehaving, fault):
        assert cell["fill_status"] == "failed"
        assert TRANSIENT[fault] in cell["fill_reason"]


@pytest.mark.parametrize("fault", PASSING)
def test_fault_that_passes_costs_nothing(misbehaving: Live, fault: str) -> None:
    """A question that meets one fault is asked again and answered."""
    assert {cell["fill_status"] for cell in cells_of(misbehaving, fault)} == {"llm"}


@pytest.mark.parametrize("fault", NO_HARM)
def test_harmless_oddity_is_no_fault(misbehaving: Live, fault: str) -> None:
    """More than was asked for is left aside, and another model's name is written down."""
    cells = cells_of(misbehaving, fault)
    assert {cell["fill_status"] for cell in cells} == {"llm"}
    used = {"other_model": "another-model"}.get(fault, "loopback-model")
    assert {cell["model_used"] for cell in cells} == {used}
    assert (
        misbehaving.warehouse.one(
            f"select count(*) from {GOLD} where attribute_id = 'never_asked_for'"
        )
        == 0
    )


def test_summary_counts_refused_and_failed(misbehaving: Live) -> None:
    """The run's last words count what was refused and what failed."""
    counts = misbehaving.counts()
    for label, status in (("refused by the model", "refused"), ("failed", "failed")):
        assert re.search(rf"  {label} +{counts[status]} ", misbehaving.run.output)


def test_key_that_is_rejected_amid_a_run(copy_of_demo: Callable[..., Warehouse]) -> None:
    """dbt shows the model as failed and says what to do; what was answered before stands."""
    warehouse = copy_of_demo("amid", llm_mode="live", llm_max_in_flight=4)
    faults = (*["ok"] * 20, *["401"] * 200)
    with Server(answer=answer, faults=faults) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY}
        failed = warehouse.dbt(*BUILD, "llm_imputed_attributes+", env=env)
        assert failed.code == 1
        assert failed.statuses("model")["llm_imputed_attributes"] == "error"
        assert "the server rejects the key, set OPENAI_API_KEY" in failed.output
        assert "What was answered before is kept" in failed.output
        good = [asked for asked in server.asked if asked.fault == "ok"]
        assert len(server.asked) - len(good) <= 10
    with Server(answer=answer) as server:
        warehouse.dbt(*BUILD, "llm_imputed_attributes+", env={"OPENAI_BASE_URL": server.base_url})
        live = Live(warehouse, failed, server)
        assert live.counts()["llm"] == missing_cells(warehouse)
        assert sum(len(asked.attribute_ids) for asked in [*good, *server.asked]) == missing_cells(
            warehouse
        )


def test_rejected_key_stops_at_once(rejected: Live) -> None:
    """A key that is rejected ends the asking; every cell waits, and the dbt tests hold."""
    rejected.run.ok()
    assert 1 <= len(rejected.asked) <= 10
    counts = rejected.counts()
    assert counts["awaiting_llm"] == missing_cells(rejected.warehouse)
    assert set(counts) == {"authoritative", "onet", "awaiting_llm"}


def test_rejected_key_is_said_clearly(rejected: Live) -> None:
    """dbt warns that the key is rejected and which variable to set, and not for each request."""
    clear = "the server rejects the key, set OPENAI_API_KEY"
    said = [line for line in rejected.run.lines if clear in line]
    assert len(said) <= 4
    assert sum("WARNING" in line for line in said) == 1
    reasons = rejected.warehouse.query(
        f"select distinct fill_reason from {GOLD} where fill_status = 'awaiting_llm'"
    )
    assert len(reasons) == 1
    assert clear in reasons[0][0]


def test_batches_fill_the_grid_across_builds(copy_of_demo: Callable[..., Warehouse]) -> None:
    """One build sends, the next collects; its tests hold after each, and no cell is sent twice."""
    warehouse = copy_of_demo("batch", llm_mode="batch", llm_max_cost_usd=50)
    with Server(answer=answer) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY}
        sent = warehouse.dbt(*BUILD, "llm_imputed_attributes+", env=env).ok()
        live = Live(warehouse, sent, server)
        assert live.counts()["awaiting_llm"] == missing_cells(warehouse)
        (reason,) = warehouse.query(
            f"select distinct fill_reason from {GOLD} where fill_status = 'awaiting_llm'"
        )
        assert "in batch jobforge-" in reason[0]
        server.batches.end("expired", share=0.5)
        warehouse.dbt(*BUILD, "llm_imputed_attributes+", env=env).ok()
        assert 0 < live.counts()["awaiting_llm"] < missing_cells(warehouse)
        server.batches.end()
        last = warehouse.dbt(*BUILD, "llm_imputed_attributes+", "llm_attempts+", env=env).ok()
        assert live.counts()["llm"] == missing_cells(warehouse)
        assert "from batches" in last.output
        assert server.batches.calls["create"] == 2
        asked = Counter(
            (job_data(request)["job"]["title"], attribute_id)
            for request in live.asked
            for attribute_id in request.attribute_ids
        )
        assert set(asked.values()) == {1}
        assert warehouse.one("select sum(attempts) from main.gold_imputation_usage") == len(
            live.asked
        )


def test_a_plan_leaves_out_what_waits_in_batches(copy_of_demo: Callable[..., Warehouse]) -> None:
    """Its table and its words count the same cells, and its tests hold, up to the last batch."""
    warehouse = copy_of_demo("batch_and_plan", llm_mode="batch", llm_max_calls=20)
    plan = "select sum(cells), round(sum(estimated_calls)) from main.gold_imputation_plan"
    with Server(answer=answer) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY}
        command = (*BUILD, "llm_imputed_attributes+")
        warehouse.dbt(*command, env=env).ok()
        assert warehouse.query(plan) == [(missing_cells(warehouse), None)]
        planned = warehouse.dbt(*command, vars={"llm_mode": "plan"}, env=env).ok()
        ((cells, calls),) = warehouse.query(plan)
        assert 0 < cells < missing_cells(warehouse)
        assert f"LLM plan: {cells:,.0f} cells in {calls:,.0f} calls" in planned.output
        warehouse.dbt(*command, vars={"llm_max_calls": 200}, env=env).ok()
        planned = warehouse.dbt(*command, vars={"llm_mode": "plan"}, env=env).ok()
        assert warehouse.query(plan) == [(None, None)]
        assert "LLM plan: nothing is to be asked" in planned.output
        assert server.asked == []
        assert server.batches.calls["create"] == 2


@pytest.mark.parametrize("run", ["with_key", "misbehaving", "rejected"])
def test_key_is_nowhere(run: str, request: pytest.FixtureRequest) -> None:
    """The key is in no file that a run leaves, in no table and in no line of its output."""
    live: Live = request.getfixturevalue(run)
    assert KEY not in live.run.output
    folders = (live.warehouse.folder, live.run.target, live.run.logs)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert live.warehouse.path in files
    assert any(path.name == "dbt.log" for path in files)
    assert any(path.name == "manifest.json" for path in files)
    secret = KEY.removeprefix("sk-").encode()
    assert [str(path) for path in files if secret in path.read_bytes()] == []
    # Texts may be compressed inside the warehouse file, so its tables are read too.
    assert live.warehouse.tables_with("skills_programming") != []
    assert live.warehouse.tables_with(secret.decode()) == []


def test_what_is_asked_again_stays_in_gold(copy_of_demo: Callable[..., Warehouse]) -> None:
    """Stale answers are planned with their price, and stay winners until there are new ones."""
    warehouse = copy_of_demo("stale_and_plan", llm_mode="live")
    filled = f"select count(*) from {GOLD} where fill_status = 'llm'"
    plan = "select sum(cells), round(sum(estimated_calls)) from main.gold_imputation_plan"
    with Server(answer=answer) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY}
        command = ("run", "--select", "int_known_attributes+")
        warehouse.dbt(*command, env=env).ok()
        calls, cells = server.count, missing_cells(warehouse)
        again = {"llm_known_attributes": 2, "llm_reask_stale": True}
        for more in ({"llm_mode": "plan"}, {"llm_max_calls": 0}):
            warehouse.dbt(*command, vars={**again, **more}, env=env).ok()
            assert warehouse.one(filled) == cells
            assert warehouse.one(f"{filled} and is_stale") == cells
            assert warehouse.query(plan) == [(cells, calls) if "llm_mode" in more else (None, None)]
        assert server.count == calls
        warehouse.dbt(*command, vars=again, env=env).ok()
        assert warehouse.one(f"{filled} and is_stale is not true") == cells
