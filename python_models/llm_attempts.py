"""One row per attempt in the ledger: every request that was ever sent, and what it cost."""

from dbt.flags import get_flags
from jobforge.answers.attempts import no_attempts, read_attempts
from jobforge.ledger import ledger_of


def model(dbt, session):
    dbt.config(materialized="table")
    # Named so that this model runs after those that send.
    dbt.ref("llm_imputed_attributes")
    dbt.ref("llm_backtest_answers")
    dbt.ref("llm_second_tier_answers")
    return no_attempts() if get_flags().EMPTY else read_attempts(ledger_of(get_flags().PROJECT_DIR))
