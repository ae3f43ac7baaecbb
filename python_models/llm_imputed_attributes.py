"""One row per missing cell that was given to the model: its answer, or why there is none."""

import threading

from dbt.adapters.events.logging import AdapterLogger
from dbt.flags import get_flags
from dbt_common.events.event_manager_client import add_callback_to_manager
from dbt_common.invocation import get_invocation_id
from jobforge.pipeline import impute, nothing
from jobforge.settings import Settings


def model(dbt, session):
    dbt.config(materialized="table")
    packs = dbt.ref("int_attribute_packs").to_arrow_table()
    requests = dbt.ref("int_imputation_requests")
    recorded_answers = dbt.ref("stg_llm_recorded_answers").to_arrow_table()
    settings = Settings.from_config(
        {
            "llm_mode": dbt.config.get("llm_mode"),
            "llm_model": dbt.config.get("llm_model"),
            "llm_max_calls": dbt.config.get("llm_max_calls"),
            "llm_max_output_tokens": dbt.config.get("llm_max_output_tokens"),
            "llm_max_tokens_parameter": dbt.config.get("llm_max_tokens_parameter"),
            "llm_temperature": dbt.config.get("llm_temperature"),
            "llm_timeout_seconds": dbt.config.get("llm_timeout_seconds"),
            "llm_text_bounds": dbt.config.get("llm_text_bounds"),
        }
    )
    if get_flags().EMPTY:
        return nothing()
    # dbt writes through another cursor, so that this one may still be read meanwhile.
    return impute(
        packs,
        requests.order("request_order").to_arrow_reader(),
        recorded_answers,
        settings,
        invocation_id=get_invocation_id(),
        log=AdapterLogger("jobforge").info,
        stop=_stop_on_cancel(),
    )


def _stop_on_cancel():
    # Ctrl-C reaches dbt's main thread only; this thread learns of it by dbt's own event.
    stop = threading.Event()

    def on_event(event):
        if event.info.name == "LogCancelLine":
            stop.set()

    add_callback_to_manager(on_event)
    return stop
