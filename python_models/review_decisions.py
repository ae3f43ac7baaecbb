"""One row per thing that a person said of a cell, withdrawals too."""

from dbt.flags import get_flags
from jobforge.ledger import ledger_of
from jobforge.review.decisions import no_decisions, read_decisions


def model(dbt, session):
    dbt.config(materialized="table")
    if get_flags().EMPTY:
        return no_decisions()
    return read_decisions(ledger_of(get_flags().PROJECT_DIR))
