"""No secret leaves this package, and no text steers a terminal.

Text from outside is redacted and bounded before it is shown or kept, and what nobody sees in it is
made visible where it goes to a terminal or a log.
"""

from __future__ import annotations

from jobforge.redaction.addresses import secrets_of, shown
from jobforge.redaction.lines import one_line, visible
from jobforge.redaction.secrets import REDACTED, is_secret, is_word, redact, without_secrets

__all__ = [
    "REDACTED",
    "is_secret",
    "is_word",
    "one_line",
    "redact",
    "secrets_of",
    "shown",
    "visible",
    "without_secrets",
]
