"""A project folder with a ledger and a warehouse, and the command run as people run it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from jobforge.cli import main
from jobforge.ledger import (
    AskedCell,
    AskedRequest,
    AttemptRecord,
    CellAnswer,
    open_ledger,
)
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-test-0123456789abcdef"


@dataclass(frozen=True)
class Done:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Place:
    """A folder that looks like a project, with a warehouse and a ledger of its own."""

    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse/jobforge.duckdb"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger/jobforge.sqlite"

    def jobforge(self, *words: str, **env: str) -> Done:
        """Run `jobforge WORDS` in the folder, in this process."""
        before = Path.cwd(), dict(os.environ), sys.argv
        os.chdir(self.folder)
        for name in list(os.environ):
            if name.startswith(("OPENAI_", "JOBFORGE_")):
                del os.environ[name]
        os.environ.update(env)
        sys.argv = ["jobforge", *words]
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        try:
            with redirect_stdout(out), redirect_stderr(err):
                main()
        except SystemExit as end:
            code = end.code
        finally:
            os.chdir(before[0])
            os.environ.clear()
            os.environ.update(before[1])
            sys.argv = before[2]
        return Done(
            code if isinstance(code, int) else int(bool(code)), out.getvalue(), err.getvalue()
        )

    def program(self, *words: str, **env: str) -> Done:
        """Run `python -m jobforge.cli WORDS` in the folder, as a program of its own."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "JOBFORGE_"))}
        done = subprocess.run(
            [sys.executable, "-m", "jobforge.cli", *words],
            cwd=self.folder,
            env={**clean, "COLUMNS": "200", **env},
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
        )
        return Done(done.returncode, done.stdout, done.stderr)


def connected(server: LoopbackServer) -> dict[str, str]:
    """The variables that name a server and its key."""
    return {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project without warehouse and ledger."""
    (tmp_path / "dbt_project.yml").write_text(
        "name: jobforge\nvars:\n  llm_model: loopback-model\n", encoding="utf-8"
    )
    prices = Path("seeds/reference/model_prices.csv")
    (tmp_path / prices.parent).mkdir(parents=True)
    (tmp_path / prices).write_bytes((ROOT / prices).read_bytes())
    return Place(tmp_path)


@pytest.fixture
def warehouse(place: Place) -> Place:
    """The same with a warehouse of two cells: one filled, one open."""
    place.warehouse.parent.mkdir()
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute(
            """
            create schema main_gold;
            create table main_gold.gold_job_attribute_provenance as
            select 'J1' as job_id, 'reading' as attribute_id, 1 as candidate_rank,
                true as is_winner, '4' as value, 'AUTHORITATIVE' as source_type,
                0.9 as confidence, null::double as stated_confidence,
                0.66 as measured_confidence, 'overlap' as confidence_basis, 'OaSIS' as dataset,
                '2023' as dataset_release,
                '21211.00' as source_record, 'unit_group' as inheritance_level,
                null::varchar as rationale, null::varchar as model_used,
                null::varchar as prompt_version, null::timestamptz as imputed_at,
                null::boolean as is_superseded
            union all
            select 'J1', 'reading', 2, false, '3', 'LLM', null, 0.7, null, 'no_backtest',
                'LLM', 'real-model',
                'request r1', null, 'Reads all day', 'real-model', '1-abc', now(), true;
            create table main_gold.gold_job_attributes as
            select 'J1' as job_id, 'travel' as attribute_id, 'awaiting_llm' as fill_status,
                'the cap of 200 calls was reached' as fill_reason;
            """
        )
    return place


@pytest.fixture
def ledger(place: Place) -> Place:
    """The same with a ledger of one attempt that answered one cell and refused another."""
    record(place)
    return place


@pytest.fixture
def record_more() -> Callable[[Place, str], None]:
    """Add another attempt to a place's ledger."""
    return record


def asked(job_id: str) -> AskedRequest:
    """Return a request for two attributes of a job."""
    request = AskedRequest(
        job_id=job_id,
        job_digest=f"job-{job_id}",
        pack_id="skills 1",
        domain="skills",
        model="real-model",
        parameters='{"max_tokens":4096}',
        prompt_version="1-abc",
        instructions_hash="instructions",
        schema_version="1",
        system_text="You are a workforce analyst.",
        user_text="Give reading and travel.",
        schema_text='{"type":"object"}',
        cells=(),
        estimated_prompt_tokens=900,
        estimated_completion_tokens=60,
    )
    cells = []
    for attribute_id in ("reading", "travel"):
        question, cell = request.keys(f"attribute-{attribute_id}")
        cells.append(
            AskedCell(attribute_id, f"attribute-{attribute_id}", "evidence", question, cell)
        )
    return replace(request, cells=tuple(cells))


def record(place: Place, job_id: str = "J1") -> None:
    moment = datetime(2026, 11, 22, 10, tzinfo=UTC)
    with open_ledger(str(place.ledger)) as opened:
        opened.record(
            [
                AttemptRecord(
                    attempt_id=f"attempt-{job_id}",
                    run_id="run-1",
                    mode="live",
                    request=asked(job_id),
                    status="answered",
                    sent_at=moment,
                    received_at=moment,
                    answers=(
                        CellAnswer("reading", "answered", "3", 0.7, "Reads all day"),
                        CellAnswer("travel", "refused"),
                    ),
                    http_status=200,
                    request_id="r1",
                    model_returned="real-model",
                    prompt_tokens=1000,
                    cached_tokens=800,
                    completion_tokens=50,
                    cost_usd=0.0021,
                    latency_ms=900,
                    raw_reply='{"reading":{"value":3}}',
                )
            ]
        )
