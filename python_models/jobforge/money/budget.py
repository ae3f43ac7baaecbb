"""What a run may spend: money, calls and tokens, checked before each send.

Whatever the order in which replies come, spent plus reserved never exceeds a cap: a request is
sent only where the worst case of it and of everything in flight still fits. A reservation ends in
exactly one of three ways: `charge` with the reply's usage, `charge` without one (sent, and nobody
knows what it cost: its worst case counts), or `cancel` (never sent: nothing counts).

Safe for threads and for coroutines: nothing here waits.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal

from jobforge.money.prices import ModelPrice, Usage
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.estimates import Estimate
from jobforge.settings import Settings

__all__ = ["Budget", "Denied", "Reservation", "Reservations", "Spending"]


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent, or is reserved; cost is None where the model has no price."""

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal | None = None


@dataclass(eq=False, slots=True)
class Reservation:
    """The right to send one request; its worst case is set aside until it ends."""

    worst_case: Usage
    highest_cost: Decimal
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Denied:
    """The request may not be sent now, and why.

    passing: what is in flight may cost less than its worst case, so that asking again after the
        next `charge` or `cancel` can succeed. Where it is false, no later reply changes anything.
    too_large: the request exceeds a cap that is not 0 by itself; smaller ones may be sent.
    """

    reason: Reason
    passing: bool = False
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class _Cap:
    """What a cap counts, the setting that raises it, and what it says where it is in the way."""

    unit: str
    setting: str
    reached: ReasonCode
    too_large: ReasonCode


# A request is one call: it never exceeds a cap of calls that is not 0.
_CALLS = _Cap("calls", "llm_max_calls", ReasonCode.CAP_CALLS, ReasonCode.CAP_CALLS)
_TOKENS = _Cap("tokens", "llm_max_tokens", ReasonCode.CAP_TOKENS, ReasonCode.TOO_LARGE_TOKENS)
_COST = _Cap("USD", "llm_max_cost_usd", ReasonCode.CAP_COST, ReasonCode.TOO_LARGE_COST)


class Budget:
    """Keeps a run within its caps. One of these for the run, whatever sends.

    before: what the run has spent already, which is no longer there.
    """

    def __init__(
        self,
        caps: Settings,
        price: ModelPrice | None,
        *,
        batch: bool = False,
        before: Spending | None = None,
    ) -> None:
        before = before or Spending()
        self._caps = caps
        self._price = price
        self._batch = batch
        self._lock = threading.Lock()
        self._calls, self._open_calls = before.calls, 0
        self._usage = before.usage
        self._tokens, self._open_tokens = before.usage.tokens, 0
        self._cost, self._open_cost = before.cost_usd or Decimal(0), Decimal(0)

    def reserve(self, request: Estimate) -> Reservation | Denied:
        """Set the worst case of one request aside, or say which cap is in its way."""
        worst = Usage(request.largest_prompt_tokens, request.largest_completion_tokens)
        highest = Decimal(0)
        if self._price is not None:
            highest = self._price.highest_cost(worst, batch=self._batch)
        with self._lock:
            denied = self._denied(worst, highest)
            if denied:
                return denied
            self._open_calls += 1
            self._open_tokens += worst.tokens
            self._open_cost += highest
        return Reservation(worst, highest)

    def charge(self, reservation: Reservation, usage: Usage | None) -> Decimal | None:
        """End a reservation whose request was sent, and return its cost in USD.

        Without a usage the worst case counts. A refusal by the server before any work (a 4xx) cost
        nothing: charge it with `Usage()`.
        """
        counted = usage if usage is not None else reservation.worst_case
        cost = reservation.highest_cost
        if self._price is not None and usage is not None:
            cost = self._price.cost(usage, batch=self._batch)
        with self._lock:
            self._close(reservation)
            self._calls += 1
            self._usage += counted
            self._tokens += counted.prompt_tokens + counted.completion_tokens
            self._cost += cost
        return cost if self._price is not None else None

    def cancel(self, reservation: Reservation) -> None:
        """End a reservation whose request was never sent."""
        with self._lock:
            self._close(reservation)

    @property
    def spent(self) -> Spending:
        """What was spent so far."""
        with self._lock:
            cost = self._cost if self._price is not None else None
            return Spending(self._calls, self._usage, cost)

    @property
    def in_flight(self) -> Spending:
        """What is reserved, at its worst."""
        with self._lock:
            cost = self._open_cost if self._price is not None else None
            return Spending(self._open_calls, Usage(self._open_tokens), cost)

    @property
    def committed_usd(self) -> Decimal:
        """What was spent and what is reserved at its worst, as a batch is that has not ended."""
        with self._lock:
            return self._cost + self._open_cost

    def _close(self, reservation: Reservation) -> None:
        if not reservation.is_open:
            raise ValueError("the reservation has ended already")
        reservation.is_open = False
        self._open_calls -= 1
        self._open_tokens -= reservation.worst_case.tokens
        self._open_cost -= reservation.highest_cost

    def _denied(self, worst: Usage, highest: Decimal) -> Denied | None:
        caps = self._caps
        checks = (
            (_CALLS, caps.max_calls, self._calls, self._open_calls, 1),
            (_TOKENS, caps.max_tokens, self._tokens, self._open_tokens, worst.tokens),
            (_COST, caps.max_cost_usd if self._price else None, self._cost, self._open_cost,
             highest),
        )  # fmt: skip
        standing = None
        for words, cap, spent, reserved, asked in checks:
            if cap is None or spent + reserved + asked <= cap:
                continue
            unit = words.unit
            if asked > cap > 0:
                # No amounts: what many requests have in common is one reason.
                text = (
                    f"the request alone could exceed the cap of {cap} {unit}: raise {words.setting}"
                    " to ask for it"
                )
                standing = Denied(Reason(words.too_large, text), too_large=True)
                continue
            left = "" if unit == "calls" else _left(unit, cap - spent - reserved, reserved, asked)
            text = (
                f"the cap of {cap} {unit} was reached{left}: raise {words.setting} to ask for more"
            )
            denied = Denied(Reason(words.reached, text), passing=spent + asked <= cap)
            if not denied.passing:
                return denied
            standing = standing or denied
        return standing


class Reservations:
    """Consents of requests whose cost is known later than they are sent, by the attempt's id."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._open: dict[str, Reservation] = {}

    def keep(self, attempt_id: str, reservation: Reservation) -> None:
        """Keep a consent until its request has come to its end."""
        self._open[attempt_id] = reservation

    def charge(self, attempt_id: str, usage: Usage | None) -> None:
        """Put what a request took in place of its worst case, where this run sent it."""
        reservation = self._open.pop(attempt_id, None)
        if reservation is not None:
            self._budget.charge(reservation, usage)


def _left(unit: str, left: Decimal | int, reserved: Decimal | int, asked: Decimal | int) -> str:
    form, verb = (".4f", "cost") if unit == "USD" else ("d", "take")
    beside = f" beside {reserved:{form}} set aside" if reserved else ""
    return f" ({left:{form}} {unit} left{beside}, and the next request could {verb} {asked:{form}})"
