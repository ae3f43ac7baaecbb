"""A budget of calls: the simplest that there is."""

from __future__ import annotations

from jobforge.budget import Budget, Caps

__all__ = ["CallBudget"]


class CallBudget(Budget):
    """Lets so many requests be sent, retries and follow-ups included; None is no bound."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__(Caps(None, most, None), None)

    @property
    def calls(self) -> int:
        """How many were sent."""
        return self.spent.calls
