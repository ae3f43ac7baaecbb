"""The command `jobforge`, run as people run it."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pytest
from jobforge.ledger import BatchItem, open_ledger
from support.loopback_server import LoopbackServer, clothes
from support.waiting import HANG_SECONDS

from cli.conftest import KEY, Place, asked, connected


def test_doctor_finds_nothing_wrong_with_a_whole_set_up(
    ledger: Place, server: LoopbackServer
) -> None:
    """Versions, project, ledger, key, address, model and price are looked at without a call."""
    done = ledger.jobforge("doctor", **connected(server))
    assert done.code == 0, done.all
    for name in ("versions", "project", "ledger", "connection", "price", "endpoint", "model"):
        assert f"ok       {name}" in done.out
    assert "loopback-model is known" in done.out
    assert "a server on this machine" in done.out
    assert server.count == 0


def test_doctor_never_shows_a_key(place: Place, server: LoopbackServer) -> None:
    """Neither the environment's key nor one that the server repeats is ever printed."""
    server.script("401_echo")
    plain = place.jobforge("doctor", "--call", **connected(server))
    server.script("401_clothes")
    dressed = place.jobforge("doctor", "--call", **connected(server))
    for worn in clothes(KEY):
        assert worn not in plain.all + dressed.all
    assert r"\u202e" in dressed.out
    assert "\u202e" not in dressed.out
    server.script("401_echo")
    address = server.base_url.replace("http://", "http://user:hidden-password@")
    for env in (connected(server), {"OPENAI_BASE_URL": address, "OPENAI_API_KEY": KEY}):
        done = place.program("doctor", "--call", **env)
        assert KEY not in done.all
        assert "0123456789abcdef" not in done.all
        assert "hidden-password" not in done.all


def test_doctor_says_what_is_missing(tmp_path: Path) -> None:
    """No project and no connection: each is said, and the first is a problem."""
    done = Place(tmp_path).jobforge("doctor")
    assert done.code == 1
    assert "problem  project" in done.out
    assert "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set" in done.out


def test_doctor_shows_no_secret_of_an_address(place: Place, server: LoopbackServer) -> None:
    """Neither user and password nor a query of OPENAI_BASE_URL is printed."""
    host = server.base_url.removesuffix("/v1")
    done = place.jobforge("doctor", OPENAI_BASE_URL=f"{server.base_url}?api-key=hidden-in-query")
    assert f"ok       connection    {host}/…, without a key" in done.out
    assert "hidden" not in done.all
    hidden = f"{host}/h1dd3n-in-the-path/v1"
    done = place.jobforge("doctor", "--call", OPENAI_BASE_URL=hidden, OPENAI_API_KEY=KEY)
    assert "no such path: /[redacted]/v1" in done.out
    assert "h1dd3n" not in done.all
    address = server.base_url.replace("http://", "http://user:hidden-password@")
    done = place.jobforge("doctor", OPENAI_BASE_URL=address)
    assert "problem  connection    OPENAI_BASE_URL has a user or a password in it" in done.out
    assert "hidden" not in done.all


def test_doctor_asks_an_azure_deployment(place: Place) -> None:
    """The list of models and the call carry the version of the address."""
    with LoopbackServer(deployment="my-gpt") as server:
        done = place.jobforge("doctor", "--call", **connected(server))
        assert done.code == 0, done.all
        assert "loopback-model is known" in done.out
        assert all("api-version=2024-10-21" in asked.path for asked in server.asked)


class _Odd(BaseHTTPRequestHandler):
    """Answers every request with a page, with a status and a page, or with a byte now and then."""

    over: threading.Event

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        self.send_response(int(kind) if kind.isdigit() else 200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>")
        with suppress(OSError):
            while kind == "drip" and not self.over.wait(0.05):
                self.wfile.write(b"<html>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the console."""


@pytest.mark.parametrize(
    ("kind", "state", "says"),
    [
        ("page", "problem", "not with JSON: OPENAI_BASE_URL is not an API's address"),
        ("drip", "problem", "no whole reply within 0.2 seconds"),
        ("500", "note", "without a list of models (500)"),
        ("429", "note", "without a list of models (429)"),
    ],
)
def test_doctor_sees_an_address_that_is_no_apis(
    place: Place, monkeypatch: pytest.MonkeyPatch, kind: str, state: str, says: str
) -> None:
    """A sign-in page is a problem, a server that drips holds nobody up, a fault may pass."""
    seconds = 0.2 if kind == "drip" else HANG_SECONDS
    monkeypatch.setattr("jobforge.cli.endpoint._SECONDS", seconds)
    over = threading.Event()
    handler = type("Handler", (_Odd,), {"over": over})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as odd:
        odd.daemon_threads = True
        threading.Thread(target=odd.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{odd.server_address[1]}/{kind}/v1"
        done = place.jobforge("doctor", OPENAI_BASE_URL=address)
        over.set()
        odd.shutdown()
    assert re.search(f"^{state} +endpoint .*{re.escape(says)}$", done.out, re.MULTILINE)


def test_doctor_says_that_nobody_answers(place: Place) -> None:
    """A dead address is a problem, and the check ends in seconds."""
    done = place.jobforge("doctor", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert done.code == 1
    assert "problem  endpoint" in done.out


def test_doctor_says_that_a_model_is_unknown_or_has_no_price(
    place: Place, server: LoopbackServer
) -> None:
    """A name with a typing error is found before a run fails on it."""
    done = place.jobforge("doctor", "--model", "gpt-4oo", **connected(server))
    assert done.code == 1
    assert "gpt-4oo is not known (set llm_model); some are: loopback-model" in done.out
    done = place.jobforge("doctor", "--model", "gpt-4oo")
    assert "problem  price" in done.out
    assert "llm_price_waiver: true" in done.out
    done = place.jobforge("doctor", "--model", "gpt-4oo", "--vars", "{llm_price_waiver: true}")
    assert "note     price" in done.out


@pytest.mark.parametrize(
    ("root", "model"),
    [
        ("vars: {jobforge: {llm_model: corp-model}, llm_model: another}", "corp-model"),
        ("vars: {llm_model: corp-model}", "corp-model"),
        ("vars: {hr: {llm_model: another}}", "package-model"),
        ("packages-install-path: modules\nvars: {jobforge: {llm_model: corp-model}}", "corp-model"),
    ],
)
def test_doctor_finds_the_package_in_a_project_that_installed_it(
    tmp_path: Path, root: str, model: str
) -> None:
    """The price list is the package's, and vars count as they do in dbt: the project's before the
    package's, those under the package's name before the others."""
    packages = tmp_path / ("modules" if "modules" in root else "dbt_packages")
    package = Place(packages / "jobforge")
    (package.folder / "seeds/reference").mkdir(parents=True)
    (package.folder / "dbt_project.yml").write_text(
        "name: jobforge\nvars: {llm_model: package-model}\n", encoding="utf-8"
    )
    (package.folder / "seeds/reference/model_prices.csv").write_text(
        "model,input_usd_per_million,cached_input_usd_per_million,output_usd_per_million,"
        "batch_discount,context_tokens,as_of,source\n"
        f"{model},1,1,2,0.5,1000,2026-01-01,a list of this test\n",
        encoding="utf-8",
    )
    (tmp_path / "dbt_project.yml").write_text(f"name: hr\n{root}\n", encoding="utf-8")
    done = Place(tmp_path).jobforge("doctor")
    assert f"ok       price         {model}: 1 in, 1 cached, 2 out" in done.out, done.all
    assert f"ok       project       {tmp_path}" in done.out


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [(200, None, ""), (30, "note", "will be shut down on"), (-1, "problem", "was shut down on")],
)
def test_doctor_says_the_day_that_the_server_tells(
    place: Place, days: int, state: str | None, words: str
) -> None:
    """The list of models has a model's last day; one that is past is a problem."""
    day = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    with LoopbackServer(shutdown_date=day) as server:
        done = place.jobforge("doctor", **connected(server))
    said = [line for line in done.out.splitlines() if "the server says: loopback-model" in line]
    assert len(said) == (state is not None)
    assert all(line.startswith(f"{state} ") and f"{words} {day}" in line for line in said)
    assert done.code == (state == "problem")


def test_doctor_says_that_the_seed_knows_of_an_end(place: Place) -> None:
    """The default model's end is announced; a server of another's does not matter."""
    done = place.jobforge("doctor", "--model", "gpt-4o-2024-05-13")
    said = "problem  model's end   gpt-4o-2024-05-13 was shut down on 2026-10-23 (read on"
    assert said in done.out, done.all
    assert "llm_model: gpt-5.6-sol" in done.out


def test_doctor_says_that_the_package_is_not_installed(tmp_path: Path) -> None:
    """A project of one's own without the package is told what to do."""
    (tmp_path / "dbt_project.yml").write_text("name: hr\n", encoding="utf-8")
    done = Place(tmp_path).jobforge("doctor")
    assert "name it in packages.yml and run dbt deps" in done.out


def test_doctor_says_that_the_ledger_is_damaged(ledger: Place) -> None:
    """A file that is no ledger is a problem with advice, not a traceback."""
    ledger.ledger.write_bytes(b"not a database at all, and long enough to be read as one")
    done = ledger.jobforge("doctor")
    assert "problem  ledger" in done.out
    assert "Traceback" not in done.all


def test_ledger_stats_counts_what_is_there(ledger: Place) -> None:
    """Answers, refusals, attempts, tokens and cost."""
    done = ledger.jobforge("ledger", "stats")
    assert done.code == 0, done.all
    for words in ("answered cells  1", "refused cells   1", "attempts        1 in 1 runs"):
        assert words in done.out
    assert "1,000, 800 of them cached" in done.out
    assert "0.0021 USD" in done.out


def test_ledger_verify_passes_a_whole_ledger_and_finds_a_changed_value(ledger: Place) -> None:
    """A value that was changed by hand is found by its hash."""
    done = ledger.jobforge("ledger", "verify")
    assert done.code == 0, done.all
    assert "is whole: 1 attempts, 2 answers and refusals" in done.out
    with sqlite3.connect(ledger.ledger) as connection:
        connection.execute("update answer set value = '5' where outcome = 'answered'")
    connection.close()
    done = ledger.jobforge("ledger", "verify")
    assert done.code == 1
    assert "answer" in done.out


def test_answers_move_between_machines_once(ledger: Place, tmp_path: Path) -> None:
    """An exported file brings its answers to another ledger, and a second time nothing."""
    file, other = tmp_path / "answers.parquet", tmp_path / "other/ledger.sqlite"
    assert "1 attempts" in ledger.jobforge("ledger", "export", str(file)).out
    for words in ("1 attempts and 2 answers are new, 0", "0 attempts and 0 answers are new, 1"):
        done = ledger.jobforge("ledger", "import", str(file), "--ledger", str(other))
        assert done.code == 0, done.all
        assert words in done.out


def test_a_ledger_that_is_not_there_is_no_fault_of_the_program(place: Place) -> None:
    """One line that says so, and nothing is made."""
    for command in (("stats",), ("verify",), ("export", "file.parquet")):
        done = place.jobforge("ledger", *command)
        assert done.code == 2
        assert done.err.startswith("error: there is no ledger")
    assert not place.ledger.exists()


def test_why_shows_every_candidate_and_what_was_said(warehouse: Place, ledger: Place) -> None:
    """Winner, loser, prompt and raw reply of one cell."""
    done = warehouse.jobforge("why", "J1", "reading")
    assert done.code == 0, done.all
    measured = "measured confidence 0.66 (overlap)"
    assert f"1. 4  AUTHORITATIVE, {measured}: OaSIS, 2023, 21211.00, unit_group" in done.out
    assert "2. 3  LLM, not measured (no_backtest), stated 0.7: LLM" in done.out
    assert "You are a workforce analyst." in done.out
    assert "Give reading and travel." in done.out
    assert '"reading": {' in done.out
    assert "1000 tokens in, 50 out, 0.002100 USD for the whole call" in done.out
    brief = warehouse.jobforge("why", "J1", "reading", "--no-texts")
    assert "You are a workforce analyst." not in brief.out


def test_why_reads_a_warehouse_that_was_built_before(warehouse: Place) -> None:
    """One that has nothing measured shows the confidence that it has."""
    with duckdb.connect(str(warehouse.warehouse)) as connection:
        for column in ("stated_confidence", "measured_confidence", "confidence_basis"):
            connection.execute(
                f"alter table main_gold.gold_job_attribute_provenance drop column {column}"
            )
        connection.execute("update main_gold.gold_job_attribute_provenance set confidence = 0.9")
    assert (
        "1. 4  AUTHORITATIVE, confidence 0.9: OaSIS"
        in warehouse.jobforge("why", "J1", "reading").out
    )


def test_why_says_why_a_cell_is_open(warehouse: Place, ledger: Place) -> None:
    """A cell without a candidate has its status, its reason and the model's refusal."""
    done = warehouse.jobforge("why", "J1", "travel")
    assert "none; awaiting_llm: the cap of 200 calls was reached" in done.out
    assert "1. refused" in done.out


def test_why_works_while_a_run_has_the_warehouse_open(warehouse: Place, ledger: Place) -> None:
    """What only the ledger is needed for is shown, and the rest is said to be missing."""
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
            " sys.stdin.read()",
            str(warehouse.warehouse),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        done = warehouse.jobforge("why", "J1", "reading")
    finally:
        writer.communicate("", timeout=HANG_SECONDS)
    assert done.code == 0, done.all
    assert "another program has it open; what follows is from the ledger alone" in done.out
    assert "Give reading and travel." in done.out


def test_why_of_an_unknown_cell_fails_and_says_so(warehouse: Place) -> None:
    """A job that nobody knows is an exit code, not an empty page."""
    done = warehouse.jobforge("why", "J9", "reading")
    assert done.code == 1
    assert "no such job or attribute" in done.out
    assert "none was begun yet" in done.out


def test_why_shows_markup_of_a_title_as_it_is(
    ledger: Place, record_more: Callable[[Place, str], None]
) -> None:
    """Square brackets in data are data to the terminal, too."""
    record_more(ledger, "[bold]J2[/bold]")
    done = ledger.jobforge("why", "[bold]J2[/bold]", "reading")
    assert done.out.startswith("[bold]J2[/bold] reading")


def test_why_prints_any_text_harmlessly(ledger: Place, warehouse: Place) -> None:
    """Half a surrogate in a raw reply is no crash, and no stored text steers the terminal."""
    reply = json.dumps({"reading": "\ud800 \x7f\u202e é"})
    with sqlite3.connect(ledger.ledger) as connection:
        connection.execute("update attempt set raw_reply = ?", [reply])
        words = "update answer set rationale = ? where outcome = 'answered'"
        connection.execute(words, ["\x1b[31mred\r"])
    connection.close()
    with duckdb.connect(str(warehouse.warehouse)) as opened:
        opened.execute(
            "update main_gold.gold_job_attribute_provenance set rationale = '\x1b]0;title\x07'"
        )
    done = ledger.program("why", "J1", "reading")
    assert done.code == 0, done.all
    for shown in (r"\ud800 \x7f\u202e é", r"\x1b[31mred\r", r"\x1b]0;title\x07"):
        assert shown in done.out
    assert not re.search(r"[^\n -~é]", done.out)


def test_plan_hands_its_vars_and_options_to_dbt(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The mode is plan whatever the vars say, and unknown options are dbt's."""
    from jobforge.cli import plan

    command = plan._command({"llm_mode": "plan", "llm_model": "m"}, ["--target", "prod"])
    assert command[1:6] == ["-m", "dbt.cli.main", "build", "--select", "+gold_imputation_plan"]
    assert command[-2:] == ["--target", "prod"]
    assert '{"llm_mode": "plan", "llm_model": "m"}' in command


def test_plan_shows_the_plan_by_source_gap(
    warehouse: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cells, calls and money, with the widest gap first and an unknown price as unknown."""
    from jobforge.cli import plan

    with duckdb.connect(str(warehouse.warehouse)) as connection:
        connection.execute(
            """
            create table main_gold.gold_imputation_plan as
            select 'job_without_unit_group' as source_gap, 40 as cells,
                2.5 as estimated_calls, 0.01 as estimated_cost_usd, 1 as tier
            union all select 'job_without_unit_group', 60, 3.5, 0.02, 1
            union all select 'attribute_in_no_source', 5, 1, null, 1
            union all select 'attribute_in_no_source', 5, 0.5, 0.04, 2
            """
        )
    plan._show(warehouse.warehouse)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["job_without_unit_group", "100", "6", "0.0300"] in lines
    assert ["attribute_in_no_source", "5", "1", "not", "known"] in lines
    (second,) = [line for line in lines if line[:2] == ["2nd", "tier,"]]
    assert second == ["2nd", "tier,", "attribute_in_no_source", "5", "0", "0.0400"]


def test_a_comparison_without_an_answer_says_so() -> None:
    """That more cells would help is said where some were answered, and only there."""
    from jobforge.cli import compare

    form = compare._Form(16, {}, Path("none.duckdb"))
    row = {"is_thin": True, "answered_cells": 0}
    assert compare._verdict([(form, row)]).startswith("None of them has answered")
    assert "raise --cells" in compare._verdict([(form, {**row, "answered_cells": 3})])


def test_plan_outside_a_project_says_so(tmp_path: Path) -> None:
    """One line and the exit code 2."""
    done = Place(tmp_path).jobforge("plan")
    assert done.code == 2
    assert done.err.startswith("error: there is no dbt_project.yml")


def test_batches_are_listed_and_given_up(ledger: Place) -> None:
    """A batch that nobody can collect is named, and its cells are free once it is given up."""
    request = asked("J2")
    keys = [cell.cell_key for cell in request.cells]
    with open_ledger(str(ledger.ledger)) as opened:
        opened.claim(keys, "run-1", timedelta(minutes=1))
        opened.begin_batch("jobforge-1", "run-1", [BatchItem("00001", request)])
        opened.set_batch("jobforge-1", state="submitted", api_batch_id="batch_1")
    done = ledger.jobforge("ledger", "batches")
    assert done.out.startswith("jobforge-1  batch_1  since 20")
    assert "1 open batches" in done.out
    done = ledger.jobforge("ledger", "give-up", "batch_2")
    assert done.code == 2
    assert "there is no open batch 'batch_2'" in done.err
    assert ledger.jobforge("ledger", "give-up", "batch_1").code == 0
    assert "0 open batches" in ledger.jobforge("ledger", "batches").out
    with open_ledger(str(ledger.ledger)) as opened:
        assert opened.claim(keys, "run-2", timedelta(minutes=1)) == set(keys)


@pytest.mark.parametrize("words", [("--help",), ("ledger", "--help"), ("doctor", "--help")])
def test_help_is_there_for_every_command(place: Place, words: tuple[str, ...]) -> None:
    """Each command explains itself."""
    done = place.jobforge(*words)
    assert done.code == 0
    assert "Usage" in done.out
