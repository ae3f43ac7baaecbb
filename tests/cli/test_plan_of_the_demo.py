"""`jobforge plan` on the demo: dbt prices every missing cell, and nobody is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS

from cli.conftest import KEY, ROOT


def test_the_demo_is_planned_without_a_call(tmp_path: Path, server: LoopbackServer) -> None:
    """Even with a key and a server, plan sends nothing; its table and its words agree."""
    warehouse = tmp_path / "jobforge.duckdb"
    env = {name: text for name, text in os.environ.items() if not name.startswith("OPENAI_")}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "jobforge.cli", "plan"),
            *(
                "--vars",
                "{llm_model: gpt-4.1-mini, llm_prices: {gpt-4.1-mini: {input: 2, output: 8}}}",
            ),
            *("--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")),
        ],
        cwd=ROOT,
        env={
            **env,
            "JOBFORGE_WAREHOUSE": str(warehouse),
            "JOBFORGE_LEDGER": str(tmp_path / "ledger.sqlite"),
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": KEY,
        },
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert server.count == 0
    assert not (tmp_path / "ledger.sqlite").exists()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        ((cells, calls, cost, missing),) = connection.execute(
            """
            select sum(cells), sum(estimated_calls), sum(estimated_cost_usd),
                (select count(*) from main_intermediate.int_missing_cells)
            from gold_imputation_plan
            """
        ).fetchall()
    assert cells == missing
    assert f"LLM plan: {cells:,} cells in {calls:,.0f} calls to gpt-4.1-mini" in done.stdout
    assert cost > 0
    assert "job_without_unit_group" in done.stdout
