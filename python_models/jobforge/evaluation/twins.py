"""Twins asked of one model after the other, all within one budget.

The models answer the same requests, so that their answers can be compared. A model is asked when
the one before has ended, and what that one spent is no longer there for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobforge.answers.outcomes import OUTCOME_SCHEMA
from jobforge.errors import SettingsError
from jobforge.ledger import existing_ledger
from jobforge.pipeline import impute
from jobforge.requests.inputs import ArrowRows
from jobforge.settings import Settings

__all__ = ["TWIN_SCHEMA", "ask_twins", "models_of", "no_twins"]

TWIN_SCHEMA = pa.schema([pa.field("asked_model", pa.string(), nullable=False), *OUTCOME_SCHEMA])

Log = Callable[[str], None]


def models_of(given: object, settings: Settings) -> list[str]:
    """Return the models that the var backtest_models names, or the run's own where it names none.

    given: a list, or its JSON. Raises SettingsError where it is no list of names.
    """
    try:
        models = json.loads(given) if isinstance(given, str) and given.strip() else given or []
    except ValueError:
        models = None
    if not isinstance(models, list) or not all(
        isinstance(model, str) and model.strip() for model in models
    ):
        raise SettingsError(f"backtest_models is {given!r}: it must be a list of models' names")
    return list(dict.fromkeys(model.strip() for model in models)) or [settings.model]


def ask_twins(
    models: Sequence[str],
    packs: pa.Table,
    requests: Callable[[], ArrowRows],
    recorded_answers: pa.Table,
    prices: pa.Table,
    settings: Settings,
    *,
    budget: object,
    run_id: str,
    log: Log,
    ledger_url: str | None = None,
    **more: Any,
) -> pa.RecordBatchReader:
    """Return one row per twin and model, with the columns of TWIN_SCHEMA.

    requests: gives the requests anew for each model. budget: US dollars for all models together.
    run_id: of the attempts in the ledger. log: gets each model's lines. The rest goes to `impute`,
    which says what is raised.
    """
    asked = settings.of_backtest(budget)

    def batches() -> Iterator[pa.RecordBatch]:
        for model in models:
            of_model = replace(asked, model=model)
            if asked.max_cost_usd is not None and model != models[0]:
                left = asked.max_cost_usd - _spent(ledger_url, run_id)
                of_model = replace(of_model, max_cost_usd=max(left, Decimal(0)))
            reader = impute(
                packs,
                requests(),
                recorded_answers if len(models) == 1 else _of(model, recorded_answers),
                prices,
                of_model,
                invocation_id=run_id,
                log=_named(log, f"backtest: {model}: " if len(models) > 1 else "backtest: "),
                ledger_url=ledger_url,
                of_any_model=len(models) == 1,
                **more,
            )
            for batch in reader:
                asked_model = pa.repeat(model, batch.num_rows)
                yield pa.RecordBatch.from_arrays([asked_model, *batch.columns], schema=TWIN_SCHEMA)

    return pa.RecordBatchReader.from_batches(TWIN_SCHEMA, batches())


def no_twins() -> pa.RecordBatchReader:
    """Return no rows, with the columns of TWIN_SCHEMA; nothing is asked."""
    return pa.RecordBatchReader.from_batches(TWIN_SCHEMA, iter(()))


def _named(log: Log, name: str) -> Log:
    return lambda line: log(f"{name}{line}")


def _of(model: str, recorded_answers: pa.Table) -> pa.Table:
    return recorded_answers.filter(pc.field("model_requested") == model)


def _spent(ledger_url: str | None, run_id: str) -> Decimal:
    ledger = existing_ledger(ledger_url)
    if ledger is None:
        return Decimal(0)
    with ledger:
        costs = ledger.attempts(run_id).read_all().column("cost_usd").to_pylist()
    return sum((Decimal(str(cost)) for cost in costs if cost is not None), Decimal(0))
