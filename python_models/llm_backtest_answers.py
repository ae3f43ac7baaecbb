"""One row per twin, way to ask and what was said of it, bought within a budget of its own."""

from dataclasses import replace

from dbt.adapters.events.logging import AdapterLogger
from dbt.flags import get_flags
from dbt_common.events.event_manager_client import add_callback_to_manager
from dbt_common.invocation import get_invocation_id
from jobforge.evaluation.tiers import tiers_of
from jobforge.evaluation.twins import ask_twins, no_twins, ways_of
from jobforge.ledger import ledger_of
from jobforge.pipeline import stop_on_cancel
from jobforge.settings import Settings

ROWS_AT_ONCE = 4096


def model(dbt, session):
    dbt.config(materialized="table")
    # Named so that this model runs after the one that asks for what is missing.
    dbt.ref("llm_imputed_attributes")
    # A connection reads one result at a time: the one that streams is opened last.
    packs = dbt.ref("int_attribute_packs").to_arrow_table()
    recorded_answers = dbt.ref("stg_llm_recorded_answers").to_arrow_table()
    prices = dbt.ref("model_prices").to_arrow_table()
    requests = dbt.ref("int_imputation_requests").filter("masked_gap is not null")
    cells = requests.aggregate("coalesce(sum(len(attribute_ids)), 0)").fetchall()[0][0]
    settings = Settings.from_config(dbt.config.get("llm_settings"))
    tiers = tiers_of(dbt.config.get("llm_tiers"))
    if tiers:
        settings = replace(settings, model=tiers.first)
    usual = tiers.models if tiers else ()
    ways = ways_of(dbt.config.get("backtest_models"), settings, usual)
    budget = dbt.config.get("backtest_max_cost_usd")
    mode = dbt.config.get("backtest_mode")
    if get_flags().EMPTY or not cells:
        return no_twins()
    return ask_twins(
        ways,
        packs,
        lambda: requests.order("request_order").to_arrow_reader(ROWS_AT_ONCE),
        recorded_answers,
        prices,
        budget=budget,
        mode=mode,
        run_id=f"{get_invocation_id()}-backtest",
        log=AdapterLogger("jobforge").info,
        ledger_url=ledger_of(get_flags().PROJECT_DIR),
        cells=int(cells),
        stop=stop_on_cancel(add_callback_to_manager),
    )
