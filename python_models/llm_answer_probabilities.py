"""One row per answer of the ledger whose reply tells how probable the model found it."""

from dbt.flags import get_flags
from jobforge.evaluation.probabilities import no_probabilities, read_probabilities
from jobforge.ledger import ledger_of


def model(dbt, session):
    dbt.config(materialized="table")
    # Named so that this model runs after those that send.
    dbt.ref("llm_imputed_attributes")
    dbt.ref("llm_backtest_answers")
    packs = dbt.ref("int_attribute_packs").to_arrow_table()
    if get_flags().EMPTY:
        return no_probabilities()
    return read_probabilities(packs, ledger_of(get_flags().PROJECT_DIR))
