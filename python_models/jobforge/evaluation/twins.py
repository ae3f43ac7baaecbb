"""Twins asked of one model after the other, all within one budget.

The models answer the same requests, so that their answers can be compared. A model is asked when
the one before has ended, and what that one spent, or may yet spend in a batch, is no longer there
for it.
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
    **more: Any,
) -> pa.RecordBatchReader:
    """Return one row per twin and model, with the columns of TWIN_SCHEMA.

    requests: gives the requests anew for each model. budget: US dollars for all models together.
    run_id: of the attempts in the ledger. log: gets each model's lines. The rest goes to `impute`,
    which says what is raised.
    """
    asked = settings.of_backtest(budget)

    def batches() -> Iterator[pa.RecordBatch]:
        left = asked.max_cost_usd

        def take(usd: Decimal) -> None:
            nonlocal left
            left = None if left is None else max(left - usd, Decimal(0))

        for model in models:
            reader = impute(
                packs,
                requests(),
                recorded_answers if len(models) == 1 else _of(model, recorded_answers),
                prices,
                replace(asked, model=model, max_cost_usd=left),
                invocation_id=run_id,
                log=_named(log, f"backtest: {model}: " if len(models) > 1 else "backtest: "),
                of_any_model=len(models) == 1,
                on_cost=take,
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
