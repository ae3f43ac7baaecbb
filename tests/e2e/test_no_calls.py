"""What never calls a model, although a key and an address are set and the mode is live."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from support.loopback_server import LoopbackServer

from e2e.runs import Warehouse

LIVE = {"llm_mode": "live", "llm_max_calls": 1000}


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    """A server that is not to be asked."""
    with LoopbackServer() as server:
        yield server


@pytest.fixture(scope="module")
def warehouse(copy_of_demo: Callable[..., Warehouse]) -> Warehouse:
    """A built warehouse whose model's stage would ask."""
    return copy_of_demo("no_calls", **LIVE)


# --empty comes last, because it empties the tables.
@pytest.mark.parametrize(
    "command",
    [
        ("compile",),
        ("docs", "generate"),
        ("test", "--select", "llm_imputed_attributes+", "test_type:unit"),
        ("run", "--empty", "--select", "llm_imputed_attributes+"),
    ],
    ids=" ".join,
)
def test_command_calls_no_model(
    server: LoopbackServer, warehouse: Warehouse, command: tuple[str, ...]
) -> None:
    """The command ends well and sends no request."""
    run = warehouse.dbt(
        *command,
        env={"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-e2e-not-to-be-sent"},
    )
    assert run.code == 0, run.output
    assert server.count == 0
    assert server.asked == []
    # Nor does it begin a history.
    assert not warehouse.ledger.exists()
    if "--empty" in command:
        assert run.statuses("model")["llm_imputed_attributes"] == "success"
