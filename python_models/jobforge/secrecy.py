"""Requests that would show a secret to a model: they are settled as failed and never sent."""

from __future__ import annotations

from jobforge.ledger import SecretFoundError
from jobforge.ledger.secrets import Secrets
from jobforge.outcomes import CellOutcome
from jobforge.prompts import job_message, pack_message
from jobforge.settling import Settled

__all__ = ["PromptSecrets"]


class PromptSecrets:
    """Looks for the given secrets, the environment's key, and what looks like one."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = Secrets(*secrets)
        self._clean_packs: set[str] = set()

    def without(self, text: str) -> str:
        """Return a text as the ledger keeps it."""
        return self._secrets.without(text)

    def settle(self, one: Settled) -> Settled:
        """Settle as failed what would show a secret: the ledger could not take it, either."""
        if not one.open_ids:
            return one
        keyed = one.keyed.only(one.open_ids)
        try:
            if keyed.pack.pack_id not in self._clean_packs:
                self._secrets.refuse(pack_message(keyed.pack), f"pack {keyed.pack.pack_id!r}")
                self._clean_packs.add(keyed.pack.pack_id)
            self._secrets.refuse(
                job_message(keyed.request), f"the data of job {keyed.request.job.job_id!r}"
            )
        except SecretFoundError as error:
            failed = dict.fromkeys(one.open_ids, CellOutcome("failed", str(error)))
            return Settled(one.keyed, one.outcomes | failed, ())
        return one
