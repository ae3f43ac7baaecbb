"""One row per state of the first layer and per change since: the history, as it is recorded."""

from dbt.adapters.events.logging import AdapterLogger
from dbt.flags import get_flags
from dbt_common.invocation import get_invocation_id
from jobforge.history.build import history_name, recorded
from jobforge.history.records import no_records
from jobforge.ledger import ledger_of

STATES_AT_ONCE = 16_384


def model(dbt, session):
    dbt.config(materialized="table")
    # In their order: the states are counted, and read where the history begins.
    cells = dbt.ref("gold_job_attributes").aggregate("count(*)").fetchall()[0][0]
    states = dbt.ref("int_gold_states")
    name = history_name(dbt.config.get("history"))
    if get_flags().EMPTY:
        return no_records()
    return recorded(
        name,
        lambda: states.order("attribute_id").to_arrow_reader(STATES_AT_ONCE),
        cells=cells,
        run_id=get_invocation_id(),
        log=AdapterLogger("jobforge").info,
        ledger_url=ledger_of(get_flags().PROJECT_DIR),
    )
