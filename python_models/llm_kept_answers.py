"""One row per answer of the ledger to a cell's question, whoever fills the cell today."""

from dbt.flags import get_flags
from jobforge.answers.kept import no_kept_answers, read_kept_answers
from jobforge.ledger import ledger_of


def model(dbt, session):
    dbt.config(materialized="table")
    # Named so that this model runs after the one that sends.
    dbt.ref("llm_imputed_attributes")
    packs = dbt.ref("int_attribute_packs").to_arrow_table()
    if get_flags().EMPTY:
        return no_kept_answers()
    return read_kept_answers(packs, ledger_of(get_flags().PROJECT_DIR))
