"""Requests made ready: cut to what a schema may hold, and without what would show a secret.

A job whose data would show a secret to a model fails in that pack and is never sent; an attribute
whose definition would is left out of its pack, and the others are asked. A request is made here,
once, and sent as it was checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from jobforge.answers.known import Settled
from jobforge.answers.outcomes import CellOutcome
from jobforge.ledger import SecretFoundError
from jobforge.ledger.secrets import Secrets
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.forms import RequestForms

__all__ = ["Drafts"]


class Drafts:
    """Makes the requests of a run.

    secrets: what no prompt may show and no answer keeps.
    """

    def __init__(self, forms: RequestForms, secrets: Secrets) -> None:
        self._forms = forms
        self._secrets = secrets
        self._clean_packs: set[str] = set()

    def without_secrets(self, text: str) -> str:
        """Return a text as the ledger keeps it."""
        return self._secrets.without(text)

    def make(self, one: Settled) -> Iterator[Settled]:
        """Yield the request with its form, in parts where its schema would be too large.

        What would show a secret is settled as failed: the ledger could not take it, either.
        """
        if not one.open_ids:
            yield one
            return
        forms = self._forms.of(one.keyed.pack)
        barred = {name: _barred(name) for name in one.open_ids if name in forms.left_out}
        open_ids = tuple(name for name in one.open_ids if name not in barred)
        known = one.outcomes | barred
        parts = forms.parts(open_ids) if open_ids else []
        if len(parts) == 1:
            yield self._checked(Settled(one.keyed, known, open_ids))
            return
        if known:
            yield Settled(one.keyed.only(known), known, ())
        for part in parts:
            yield self._checked(Settled(one.keyed.only(part), {}, part))

    def _checked(self, one: Settled) -> Settled:
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


def _barred(attribute_id: str) -> CellOutcome:
    text = (
        f"the definition of attribute {attribute_id!r} holds what looks like an API key or a token:"
        " take it out of the attribute; the others of its pack are asked without it"
    )
    return CellOutcome("failed", Reason(ReasonCode.SECRET_IN_DEFINITION, text))
