"""No key is ever stored: what looks like one is found before a text is written.

The patterns are stricter than those of `redaction`, which may blot out a word too many in a
message: here `task-oriented` must stay as it is, and a paid answer must not be lost over it.
"""

from __future__ import annotations

import os
import re

from jobforge.ledger.errors import SecretFoundError
from jobforge.ledger.location import environment_passwords
from jobforge.redaction import REDACTED, is_secret, is_word, secrets_of, without_secrets

__all__ = ["Secrets"]

_BEGINNINGS = ("sk-", "earer")
_LOOKS_SECRET = re.compile(
    r"(?<![\w-])sk-(?=[\w-]*\d)[\w-]{16,}"
    r"|\b[Bb]earer\s+(?=[\w.~+/-]*\d)[\w.~+/-]{16,}=*"
)


class Secrets:
    """What must not be written: the environment's own, others that are given, and lookalikes.

    The environment's are the key, what of the address may be secret, and the ledger's password.
    """

    def __init__(self, *others: str) -> None:
        self._others = tuple(filter(is_secret, (*others, *environment_passwords())))

    def refuse(self, text: str, what: str) -> None:
        """Raise SecretFoundError where the text holds a secret; `what` names the text."""
        if self.stand_in(text):
            raise SecretFoundError(
                f"{what} holds what looks like an API key or a token, which is never stored:"
                " take it out of the data that the prompt is made of"
            )

    def stand_in(self, text: str) -> bool:
        """Say whether the text holds a secret.

        A key that is a short word is none here: a text may well have it by itself.
        """
        return self._without(text, [one for one in self._all() if not is_word(one)]) != text

    def without(self, text: str) -> str:
        """Return the text with every secret replaced."""
        return self._without(text, self._all())

    def _all(self) -> list[str]:
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        address = os.environ.get("OPENAI_BASE_URL", "").strip()
        return [key, *secrets_of(address), *self._others]

    @staticmethod
    def _without(text: str, secrets: list[str]) -> str:
        text = without_secrets(text, secrets)
        # Looking for the plain beginnings first is a hundred times faster than the pattern.
        if any(beginning in text for beginning in _BEGINNINGS):
            text = _LOOKS_SECRET.sub(REDACTED, text)
        return text
