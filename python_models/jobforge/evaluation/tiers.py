"""Two models for one cell: a cheap one for all, a dear one where the first is not to be trusted.

What a model states of itself decides nothing here: a cell goes to the second model where the
confidence that the backtest *measured* of the first one's answer is below a bound. So tiers need a
backtest, and are refused without one. Both tiers are one run: they share its id and its caps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from jobforge.answers.recorded import recorded_of
from jobforge.errors import SettingsError
from jobforge.ledger import existing_ledger
from jobforge.money.budget import Spending
from jobforge.money.expenses import spent_by
from jobforge.money.prices import PriceTable, resolve_price
from jobforge.pipeline import impute, nothing
from jobforge.provider.connection import Connection
from jobforge.requests.inputs import ArrowRows
from jobforge.settings import Settings

__all__ = ["Tiers", "ask_second_tier", "first_tier", "tiers_of"]

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tiers:
    """The models of both tiers, and the measured confidence below which the second is asked."""

    first: str
    second: str
    below: float

    @property
    def models(self) -> list[str]:
        """Both models, the first tier's first."""
        return [self.first, self.second]

    def check_backtest(self, cells: object) -> None:
        """Raise SettingsError where the var backtest_cells asks for no backtest."""
        if str(cells).strip() in ("", "0"):
            raise SettingsError(
                f"llm_tiers needs a backtest, which measures where {self.first} is not to be"
                " trusted: set backtest_cells (such as 200) and backtest_max_cost_usd, then build"
            )


def tiers_of(given: object) -> Tiers | None:
    """Return the tiers that the var llm_tiers names, None where it names none.

    given: `[{model: …}, {model: …, below: …}]`, or its JSON. Raises SettingsError where it is
    nothing of that kind.
    """
    try:
        entries = json.loads(given) if isinstance(given, str) and given.strip() else given or []
    except ValueError:
        raise _not_tiers(given) from None
    if entries is None or entries == []:
        return None
    if not isinstance(entries, list) or len(entries) != 2:
        raise _not_tiers(given)
    first, second = entries
    if not isinstance(first, Mapping) or set(first) != {"model"}:
        raise _not_tiers(given)
    if not isinstance(second, Mapping) or set(second) != {"model", "below"}:
        raise _not_tiers(given)
    models = [first["model"], second["model"]]
    if not all(isinstance(model, str) and model.strip() for model in models):
        raise _not_tiers(given)
    below = second["below"]
    if isinstance(below, bool) or not isinstance(below, int | float) or not 0 < below <= 1:
        raise _not_tiers(given)
    tiers = Tiers(models[0].strip(), models[1].strip(), float(below))
    if tiers.first == tiers.second:
        raise _not_tiers(given)
    return tiers


def _not_tiers(given: object) -> SettingsError:
    return SettingsError(
        f"llm_tiers is {given!r}: it must be a list of two different models, the second with the"
        " measured confidence below which it is asked, above 0 and at most 1:"
        " [{model: …}, {model: …, below: 0.7}]"
    )


def first_tier(
    tiers: Tiers, settings: Settings, recorded_answers: pa.Table
) -> tuple[Settings, pa.Table]:
    """Return the settings and the recorded answers with which the first model is asked."""
    return replace(settings, model=tiers.first), recorded_of(tiers.first, recorded_answers)


def ask_second_tier(
    tiers: Tiers,
    packs: pa.Table,
    requests: ArrowRows,
    recorded_answers: pa.Table,
    prices: pa.Table,
    settings: Settings,
    *,
    is_measured: bool,
    invocation_id: str,
    log: Log,
    ledger_url: str | None = None,
    **more: Any,
) -> pa.RecordBatchReader:
    """Return one row per cell of the requests, as `impute` does, asked of the second model.

    is_measured: whether the backtest has measured any answer of the first model. invocation_id: of
    the run that asked the first one; what it spent is found by it in the ledger and is no longer
    there for the second. The rest goes to `impute`, which says what else is raised. Raises
    SettingsError, before any call, where nothing is measured and somebody would be asked.
    """
    if not is_measured and not _may_wait(tiers, settings, log):
        return nothing()
    at_most = " at most" if settings.mode == "plan" else ""
    return impute(
        packs,
        requests,
        recorded_of(tiers.second, recorded_answers),
        prices,
        replace(settings, model=tiers.second),
        invocation_id=invocation_id,
        log=lambda line: log(f"second tier{at_most}: {line}"),
        ledger_url=ledger_url,
        of_any_model=False,
        spent=_spent(settings, prices, invocation_id, ledger_url),
        **more,
    )


def _may_wait(tiers: Tiers, settings: Settings, log: Log) -> bool:
    """Say whether to go on though nothing is measured; raise where that is for the user to mend."""
    unmeasured = f"no answer of {tiers.first} has been measured"
    if settings.mode == "plan":
        log(
            f"second tier: not priced, for {unmeasured} yet: what it comes to is known once"
            " backtest_max_cost_usd has paid for twins"
        )
        return True
    if settings.mode == "off":
        return True
    if settings.mode == "batch":
        log(f"second tier: {unmeasured} yet: it is asked once the batches of the twins have ended")
        return False
    raise SettingsError(
        f"llm_tiers needs a backtest, and {unmeasured}: set backtest_cells and"
        " backtest_max_cost_usd so that at least 30 twins are answered, leave backtest_models empty"
        " or put both tiers into it, then build; what was answered is kept"
    )


def _spent(settings: Settings, prices: pa.Table, run_id: str, ledger_url: str | None) -> Spending:
    ledger = existing_ledger(ledger_url)
    if ledger is None:
        return Spending()
    table = PriceTable(prices, settings.prices)
    connection = Connection.from_environment()
    is_local = connection is not None and connection.is_local
    with ledger:
        return spent_by(
            ledger,
            run_id,
            price_of=lambda model: resolve_price(
                table, model, is_local=is_local, waiver=True, cost_is_capped=True
            ),
            largest_reply=settings.max_output_tokens,
        )
