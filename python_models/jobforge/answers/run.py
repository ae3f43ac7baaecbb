"""What a run that asks has at hand, made once and held by everybody who asks, sends or collects."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobforge.answers.bookkeeper import Bookkeeper
from jobforge.answers.claims import Claims
from jobforge.answers.drafts import Drafts
from jobforge.answers.failures import Failures
from jobforge.answers.known import KeptAnswers
from jobforge.errors import FatalRunError
from jobforge.money.budget import Budget
from jobforge.money.prices import ModelPrice
from jobforge.provider.connection import Connection
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.forms import RequestForms
from jobforge.settings import Settings

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["BUSY", "Run", "fail_at_last"]

BUSY = Reason(
    ReasonCode.OTHER_RUN, "another run is asking for it: run again when that one has ended"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The context of a run.

    connection: where to send. claims: whose cells are its own. kept: what the ledger answers.
    failures: what is not bought again.
    books: what came back goes there. budget: what may be spent. price_of: the price of a model,
    None where it is not known. stop: once it is set nothing is sent.
    """

    run_id: str
    settings: Settings
    connection: Connection
    ledger: Ledger
    claims: Claims
    kept: KeptAnswers
    failures: Failures
    books: Bookkeeper
    budget: Budget
    price_of: Callable[[str], ModelPrice | None]
    forms: RequestForms
    drafts: Drafts
    log: Callable[[str], None]
    stop: threading.Event


def fail_at_last(fault: Reason | None) -> None:
    """Raise FatalRunError for a fault that every call would meet, where there was one."""
    if fault:
        raise FatalRunError(
            f"the model could not be asked: {fault}. What was answered before is kept"
        )
