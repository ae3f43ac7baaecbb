"""One row per missing cell that was given to the model: its answer, or why there is none."""

from dbt.adapters.events.logging import AdapterLogger
from dbt.adapters.events.types import AdapterEventWarning
from dbt.flags import get_flags
from dbt_common.events.event_manager_client import add_callback_to_manager
from dbt_common.events.functions import warn_or_error
from dbt_common.invocation import get_invocation_id
from dbt_common.ui import warning_tag
from jobforge.evaluation.tiers import first_tier, tiers_of
from jobforge.ledger import ledger_of
from jobforge.pipeline import impute, nothing, stop_on_cancel
from jobforge.settings import Settings

ROWS_AT_ONCE = 4096


def model(dbt, session):
    dbt.config(materialized="table")
    # A connection reads one result at a time: the one that streams is opened last.
    packs = dbt.ref("int_attribute_packs").to_arrow_table()
    recorded_answers = dbt.ref("stg_llm_recorded_answers").to_arrow_table()
    prices = dbt.ref("model_prices").to_arrow_table()
    requests = dbt.ref("int_imputation_requests").filter("masked_gap is null")
    cells = requests.aggregate("sum(len(attribute_ids))").fetchall()[0][0]
    settings = Settings.from_config(dbt.config.get("llm_settings"))
    tiers = tiers_of(dbt.config.get("llm_tiers"))
    if tiers:
        tiers.check_backtest(dbt.config.get("backtest_cells"))
        settings, recorded_answers = first_tier(tiers, settings, recorded_answers)
    if get_flags().EMPTY:
        return nothing()
    # dbt writes through another cursor, so that this one may be read meanwhile.
    return impute(
        packs,
        requests.order("request_order").to_arrow_reader(ROWS_AT_ONCE),
        recorded_answers,
        prices,
        settings,
        invocation_id=get_invocation_id(),
        log=AdapterLogger("jobforge").info,
        warn=_warn,
        cells=cells and int(cells),
        of_any_model=tiers is None,
        ledger_url=ledger_of(get_flags().PROJECT_DIR),
        stop=stop_on_cancel(add_callback_to_manager),
    )


def _warn(line):
    # With --warn-error it fails the model, as every dbt warning does.
    warn_or_error(AdapterEventWarning(name="jobforge", base_msg=warning_tag(line)))
