"""What was decided and paid for before the cascade went by keys, against what is decided now."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jobforge.ledger import open_ledger
from support.loopback_server import LoopbackServer

from e2e.gold_digests import FILE, TABLES, digests, recorded
from e2e.runs import Warehouse

ANSWERS = FILE.with_name("ledger.parquet")


@pytest.mark.parametrize("table", TABLES)
def test_the_demo_is_decided_as_before(demo: Warehouse, table: str) -> None:
    """Every cell, every candidate and every request of the demo is what it was, text for text."""
    before = [row for row in recorded("demo") if row[0] == table]
    assert before
    assert [row for row in digests(demo.path) if row[0] == table] == before


def test_a_ledger_made_before_answers_everything(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    """The answers of an older ledger fill every missing cell: no call, and none is stale."""
    warehouse = new_warehouse("older_ledger", llm_mode="live")
    with open_ledger(str(warehouse.ledger)) as ledger:
        ledger.import_(ANSWERS)
    only_build = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    with LoopbackServer() as server:
        environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-e2e-older-0123"}
        warehouse.dbt("build", *only_build, env=environment).ok()
        assert server.asked == []
    gold = "from main.gold_job_attributes"
    filled = dict(warehouse.query(f"select fill_status, count(*) {gold} group by fill_status"))
    assert filled == {"authoritative": 629, "onet": 136, "llm": 235}
    assert warehouse.one(f"select count(*) {gold} where is_stale") == 0
