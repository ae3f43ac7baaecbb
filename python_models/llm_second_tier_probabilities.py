"""One row per answer of the ledger whose reply tells its probability, both tiers' ones."""

from dbt.flags import get_flags
from jobforge.evaluation.probabilities import no_probabilities, read_probabilities
from jobforge.evaluation.tiers import tiers_of
from jobforge.ledger import ledger_of


def model(dbt, session):
    dbt.config(materialized="table")
    # Named so that this model runs after the one that sends.
    dbt.ref("llm_second_tier_answers")
    packs = dbt.ref("int_attribute_packs").to_arrow_table()
    if get_flags().EMPTY or tiers_of(dbt.config.get("llm_tiers")) is None:
        return no_probabilities()
    return read_probabilities(packs, ledger_of(get_flags().PROJECT_DIR))
