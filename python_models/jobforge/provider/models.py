"""What is known of models beside their prices: until when they answer, and how they think.

Facts are data: the seed `model_prices`, each with the day on which it was read. They are OpenAI's,
so that only its own servers are held to them; another server may have a model longer, or under the
same name another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from jobforge.settings import ReasoningEffort

__all__ = ["WARNED_BEFORE", "ModelFacts", "facts_of"]

WARNED_BEFORE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of one model.

    shutdown_date: from that day on it does not answer; None where no day is announced.
    reasoning_effort: what is sent where the user sets nothing; None for nothing.
    """

    model: str
    shutdown_date: date | None = None
    successor: str | None = None
    read_on: date | None = None
    reasoning_effort: ReasoningEffort | None = None

    def is_shut_down(self, today: date) -> bool:
        """Say whether the model has ended by that day."""
        return self.shutdown_date is not None and self.shutdown_date <= today

    def end(self, today: date) -> str | None:
        """Return what is to be said of the model's end, None while that is far off."""
        day = self.shutdown_date
        if day is None or day - today > WARNED_BEFORE:
            return None
        read = f" (read on {self.read_on})" if self.read_on else ""
        if self.is_shut_down(today):
            says = f"{self.model} was shut down on {day}{read}"
        else:
            days = (day - today).days
            left = "tomorrow" if days == 1 else f"in {days} days"
            says = f"{self.model} will be shut down on {day}, {left}{read}"
        other = self.successor or "a model that answers"
        return f"{says}: set llm_model: {other}, and see the plan; answers of {self.model} stay"


def facts_of(rows: Iterable[Mapping[str, Any]], model: str) -> ModelFacts:
    """Return what the seed's rows say of exactly this model, and nothing where it has no row."""
    for row in rows:
        if row["model"] == model:
            return ModelFacts(
                model=model,
                shutdown_date=_day(row.get("shutdown_date")),
                successor=row.get("successor") or None,
                read_on=_day(row.get("shutdown_as_of")),
                reasoning_effort=row.get("reasoning_effort") or None,
            )
    return ModelFacts(model)


def _day(given: date | str | None) -> date | None:
    if not given:
        return None
    return date.fromisoformat(given) if isinstance(given, str) else given
