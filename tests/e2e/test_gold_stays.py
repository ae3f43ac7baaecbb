"""What was decided and paid for before the cascade went by keys, against what is decided now."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jobforge.ledger import open_ledger
from support.loopback_server import LoopbackServer

from e2e.gold_digests import FILE, TABLES, digests, recorded, take_older_rules
from e2e.runs import Warehouse

ANSWERS = FILE.with_name("ledger.parquet")


@pytest.fixture(scope="module")
def older_rules(copy_of_demo: Callable[..., Warehouse]) -> Warehouse:
    """The demo by the rules of that time."""
    warehouse = copy_of_demo("older_rules")
    take_older_rules(warehouse)
    warehouse.dbt("run").ok()
    return warehouse


@pytest.mark.parametrize("table", TABLES)
def test_the_demo_is_decided_as_before(older_rules: Warehouse, table: str) -> None:
    """Every cell, every candidate and every request of the demo is what it was, text for text."""
    before = [row for row in recorded("demo") if row[0] == table]
    assert before
    assert [row for row in digests(older_rules.path) if row[0] == table] == before


def test_a_ledger_made_before_answers_everything(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    """The answers of an older ledger fill every missing cell: no call, and none is stale."""
    warehouse = new_warehouse("older_ledger", llm_mode="live")
    with open_ledger(str(warehouse.ledger)) as ledger:
        ledger.import_(ANSWERS)
    take_older_rules(warehouse)
    with LoopbackServer() as server:
        environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-e2e-older-0123"}
        warehouse.dbt("run", env=environment).ok()
        assert server.asked == []
    gold = "from main.gold_job_attributes"
    filled = dict(warehouse.query(f"select fill_status, count(*) {gold} group by fill_status"))
    assert filled == {"authoritative": 629, "onet": 136, "llm": 235}
    assert warehouse.one(f"select count(*) {gold} where is_stale") == 0
