"""What of a server's address may be shown, and what of it is nobody's business.

Gateways take a token as a part of the path or of the query. So an address is shown as its host, and
every part of it that is not one of the words and names that public APIs have there is a secret.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["secrets_of", "shown"]

_SHORTEST = 8
_SHORTEST_WITH_DIGITS = 4
_VERSION = re.compile(r"v\d\w*", re.ASCII)
_WORDS = {
    *("accounts", "api", "chat", "compatible-mode", "completions", "deployments", "endpoints"),
    *("engines", "gateway", "inference", "locations", "models", "openai", "openapi", "projects"),
    *("publishers", "serverless", "serving-endpoints"),
}
# What follows is a name that is known anyway: of a model, of a place.
_BEFORE_NAMES = {"deployments", "engines", "models", "locations"}
_PUBLIC_QUERY = {"api-version"}


def shown(address: str) -> str:
    """Return an address as its scheme and host, with `/…` for the rest; nothing of what is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "…"
    host = parts.netloc.rpartition("@")[2]
    rest = "/…" if parts.path.strip("/") or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{rest}"


@lru_cache(maxsize=16)
def secrets_of(address: str) -> tuple[str, ...]:
    """Return the parts of an address that may be secrets; all of what is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return (address,)
    found = [parts.password or "", parts.fragment]
    found += [text for name, text in parse_qsl(parts.query) if name not in _PUBLIC_QUERY]
    before = ""
    for segment in map(unquote, parts.path.split("/")):
        named = before in _BEFORE_NAMES
        if segment.lower() not in _WORDS and not named:
            found.append(segment)
        # A name may have several parts: `models/maker/model`.
        before = before if named and segment.lower() not in _WORDS else segment.lower()
    return tuple(filter(_may_be_secret, found))


def _may_be_secret(text: str) -> bool:
    if _VERSION.fullmatch(text):
        return False
    has_digits = any(letter.isdigit() for letter in text)
    return len(text) >= (_SHORTEST_WITH_DIGITS if has_digits else _SHORTEST)
