"""Requests that would show a secret to a model: their cells fail, and they are never sent.

The request is made here, once, and sent as it was checked.
"""

from __future__ import annotations

from dataclasses import replace

from jobforge.answers.known import Settled
from jobforge.answers.outcomes import CellOutcome
from jobforge.ledger import SecretFoundError
from jobforge.ledger.secrets import Secrets
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.forms import RequestForms

__all__ = ["PromptSecrets"]


class PromptSecrets:
    """Looks for the given secrets, the environment's key, and what looks like one."""

    def __init__(self, forms: RequestForms, *secrets: str) -> None:
        self._forms = forms
        self._secrets = Secrets(*secrets)
        self._clean_packs: set[str] = set()

    def without(self, text: str) -> str:
        """Return a text as the ledger keeps it."""
        return self._secrets.without(text)

    def check(self, one: Settled) -> Settled:
        """Return the request with its form; what would show a secret is settled as failed.

        The ledger could not take it, either.
        """
        if not one.open_ids:
            return one
        keyed = one.keyed.only(one.open_ids)
        form = self._forms.of(keyed.pack).form(keyed.request)
        try:
            if keyed.pack.pack_id not in self._clean_packs:
                self._secrets.refuse(form.texts.system, f"pack {keyed.pack.pack_id!r}")
                self._clean_packs.add(keyed.pack.pack_id)
            self._secrets.refuse(form.texts.user, f"the data of job {keyed.request.job.job_id!r}")
        except SecretFoundError as error:
            reason = Reason(ReasonCode.SECRET_IN_PROMPT, str(error))
            failed = dict.fromkeys(one.open_ids, CellOutcome("failed", reason))
            return Settled(one.keyed, one.outcomes | failed, ())
        return replace(one, form=form)
