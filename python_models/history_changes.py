"""One row per cell that this run found changed, recorded in the ledger before it is here."""

from dbt.adapters.events.logging import AdapterLogger
from dbt.flags import get_flags
from dbt_common.invocation import get_invocation_id
from jobforge.history.build import Compared, history_name, keep_changes
from jobforge.history.records import no_records
from jobforge.ledger import ledger_of

CHANGES_AT_ONCE = 65_536
COUNTS = """
    count(*),
    count(case when change_kind = 'cell_gone' then 1 end),
    count(case when change_kind = 'new_cell' then 1 end),
    coalesce(max(compared_sequence), 0)
"""


def model(dbt, session):
    dbt.config(materialized="table")
    cells = dbt.ref("gold_job_attributes").aggregate("count(*)").fetchall()[0][0]
    changes = dbt.ref("int_cell_changes")
    compared = Compared(cells, *changes.aggregate(COUNTS).fetchall()[0])
    name = history_name(dbt.config.get("history"))
    if get_flags().EMPTY:
        return no_records()
    return keep_changes(
        name,
        lambda: changes.order("job_id, attribute_id").to_arrow_reader(CHANGES_AT_ONCE),
        compared,
        max_gone_share=str(dbt.config.get("history_max_gone_share")),
        run_id=get_invocation_id(),
        log=AdapterLogger("jobforge").info,
        ledger_url=ledger_of(get_flags().PROJECT_DIR),
    )
