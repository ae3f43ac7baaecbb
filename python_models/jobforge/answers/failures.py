"""Requests that were paid for twice and brought nothing: they are not bought again.

A request that ended in the same way in two runs will do so in the third, until it changes: its
texts, evidence, schema, model or parameters, or the limit that its reply reached. What the ledger
keeps of an attempt tells, and only attempts for which the model worked count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobforge.answers.known import Settled
from jobforge.answers.outcomes import CellOutcome
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.keys import Keyer
from jobforge.settings import Settings

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["Failures"]

_RUNS = 2
# These ended at llm_max_output_tokens, and a larger one is another request.
_AT_LIMIT = ("truncated", "unbegun")
_SAYS = {
    "answered": "no cell of the reply held",
    "empty": "the reply was empty",
    "unreadable": "the reply could not be read",
    "truncated": "the reply was truncated",
    "unbegun": "the reply ended before the answer began, at llm_max_output_tokens",
}


class Failures:
    """Settles what failed in the same way twice, unless the settings ask for it again."""

    def __init__(self, ledger: Ledger, keyer: Keyer, settings: Settings) -> None:
        self._ledger = ledger
        self._keyer = keyer
        self._settings = settings

    def check(self, chunk: list[Settled]) -> list[Settled]:
        """Return the requests without the cells that are not bought again; their forms are made."""
        made = [place for place, one in enumerate(chunk) if one.form is not None]
        if self._settings.reask_failed or not made:
            return chunk
        asked = []
        for place in made:
            one = chunk[place]
            assert one.form is not None
            asked.append(
                self._keyer.asked(
                    one.keyed.only(one.open_ids),
                    system_text=one.form.texts.system,
                    user_text=one.form.texts.user,
                    schema_text=one.form.texts.schema,
                )
            )
        checked = list(chunk)
        for number, (status, length) in self._ledger.failed(asked, _RUNS).items():
            if status in _AT_LIMIT and length and length < self._settings.max_output_tokens:
                continue
            one = chunk[made[number]]
            text = (
                f"{_SAYS[status]}, in {_RUNS} runs or more: it is not bought again until the"
                " request changes (llm_reask_failed asks again)"
            )
            failed = CellOutcome("failed", Reason(ReasonCode.FAILED_TWICE, text))
            outcomes = one.outcomes | dict.fromkeys(one.open_ids, failed)
            checked[made[number]] = Settled(one.keyed, outcomes, ())
        return checked
