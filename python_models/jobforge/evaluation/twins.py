"""Twins asked in one way after the other, all within one budget.

A way is a model, and where it gives its reason. All of them answer the same requests, so that their
answers can be compared. One is asked when the one before has ended, and what that one spent, or may
yet spend in a batch, is no longer there for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa

from jobforge.answers.outcomes import OUTCOME_SCHEMA
from jobforge.answers.recorded import recorded_of
from jobforge.errors import SettingsError
from jobforge.pipeline import impute
from jobforge.requests.inputs import ArrowRows
from jobforge.settings import Settings

__all__ = ["TWIN_SCHEMA", "ask_twins", "no_twins", "ways_of"]

TWIN_SCHEMA = pa.schema(
    [
        pa.field("asked_model", pa.string(), nullable=False),
        pa.field("asked_rationale", pa.string(), nullable=False),
        *OUTCOME_SCHEMA,
    ]
)
_WAY = ("model", "rationale")

Log = Callable[[str], None]


def ways_of(given: object, settings: Settings, usual: Sequence[str] = ()) -> list[Settings]:
    """Return the run's settings for each way that the var backtest_models names.

    given: a list of models' names and of mappings `{model: …, rationale: …}`, or its JSON; what a
    mapping leaves out is the run's own. usual: the models where there is no entry; without them it
    is the run's own way. Raises SettingsError where it is nothing of that kind.
    """
    try:
        ways = json.loads(given) if isinstance(given, str) and given.strip() else given or []
    except ValueError:
        ways = None
    if not isinstance(ways, list):
        raise _not_ways(given)
    named: list[Settings] = []
    for one in ways or usual or [settings.model]:
        way = replace(settings, **_way(given, one))
        if way not in named:
            named.append(way)
    return named


def _way(given: object, entry: object) -> dict[str, Any]:
    if isinstance(entry, str):
        entry = {"model": entry}
    if not isinstance(entry, Mapping) or not entry or not set(entry) <= set(_WAY):
        raise _not_ways(given)
    if not all(isinstance(text, str) and text.strip() for text in entry.values()):
        raise _not_ways(given)
    return {name: text.strip() for name, text in entry.items()}


def _not_ways(given: object) -> SettingsError:
    return SettingsError(
        f"backtest_models is {given!r}: it must be a list of models' names, or of"
        " {model: …, rationale: before, after or none}"
    )


def ask_twins(
    ways: Sequence[Settings],
    packs: pa.Table,
    requests: Callable[[], ArrowRows],
    recorded_answers: pa.Table,
    prices: pa.Table,
    *,
    budget: object,
    mode: object = None,
    run_id: str,
    log: Log,
    **more: Any,
) -> pa.RecordBatchReader:
    """Return one row per twin and way, with the columns of TWIN_SCHEMA.

    ways: the settings of each, as `ways_of` gives them. requests: gives the requests anew for each.
    budget: US dollars for all of them together. mode: the one of Settings in which twins are asked,
    where it is not the run's. run_id: of the attempts in the ledger. log: gets each way's lines.
    The rest goes to `impute`, which says what is raised.
    """
    asked = [way.of_backtest(budget, mode) for way in ways]

    def batches() -> Iterator[pa.RecordBatch]:
        left = asked[0].max_cost_usd

        def take(usd: Decimal) -> None:
            nonlocal left
            left = None if left is None else max(left - usd, Decimal(0))

        for way in asked:
            named = [pa.scalar(way.model), pa.scalar(way.rationale)]
            reader = impute(
                packs,
                requests(),
                recorded_answers if len(asked) == 1 else recorded_of(way.model, recorded_answers),
                prices,
                replace(way, max_cost_usd=left),
                invocation_id=run_id,
                log=_named(log, _name(way, asked)),
                of_any_model=len(asked) == 1,
                on_cost=take,
                **more,
            )
            for batch in reader:
                columns = [pa.repeat(name, batch.num_rows) for name in named]
                yield pa.RecordBatch.from_arrays([*columns, *batch.columns], schema=TWIN_SCHEMA)

    return pa.RecordBatchReader.from_batches(TWIN_SCHEMA, batches())


def no_twins() -> pa.RecordBatchReader:
    """Return no rows, with the columns of TWIN_SCHEMA; nothing is asked."""
    return pa.RecordBatchReader.from_batches(TWIN_SCHEMA, iter(()))


def _name(way: Settings, ways: Sequence[Settings]) -> str:
    name = ["backtest"]
    if len(ways) > 1:
        name.append(way.model)
    if len({one.rationale for one in ways}) > 1:
        name.append(f"rationale {way.rationale}")
    return f"{': '.join(name)}: "


def _named(log: Log, name: str) -> Log:
    return lambda line: log(f"{name}{line}")
