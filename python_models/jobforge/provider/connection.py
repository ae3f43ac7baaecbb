"""Which server is asked, with which key, and what of both is never shown.

The key and the address come from OPENAI_API_KEY and OPENAI_BASE_URL. An address may have a query,
as Azure's has its version: every request carries it. An Azure deployment's own address takes the
key by another header, and files, batches and models are beside the deployment, not below it.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from jobforge.errors import SettingsError
from jobforge.redaction import secrets_of, shown

__all__ = ["Connection"]

_OPENAI_ADDRESS = "https://api.openai.com/v1"
_PLACEHOLDER_KEY = "no-key"
_DEPLOYMENTS = "/openai/deployments/"


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """Where to send, and the key, which is never shown."""

    base_url: str
    api_key: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown!r})"

    @classmethod
    def from_environment(cls, api_key: str | None = None) -> Connection | None:
        """Return the connection that the environment names, or None where it names none.

        A server without a key of its own gets a placeholder. Raises SettingsError for an address
        or a key that cannot be used.
        """
        key = (api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        base_url = (os.environ.get("OPENAI_BASE_URL") or "").strip()
        if not key and not base_url:
            return None
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise SettingsError("OPENAI_API_KEY has characters that no key has")
        if base_url and not _is_address(base_url):
            raise SettingsError(
                "OPENAI_BASE_URL is not an address such as http://127.0.0.1:8080/v1"
            )
        if "@" in urlsplit(base_url).netloc:
            raise SettingsError(
                "OPENAI_BASE_URL has a user or a password in it: give a key as OPENAI_API_KEY"
            )
        return cls(base_url or _OPENAI_ADDRESS, key or _PLACEHOLDER_KEY)

    @property
    def shown(self) -> str:
        """The address as it may be shown."""
        return shown(self.base_url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message and no reply may show: the key, and what of the address may be one."""
        return (self.api_key, *secrets_of(self.base_url))

    @property
    def address(self) -> str:
        """The address without its query."""
        return urlsplit(self.base_url)._replace(query="", fragment="").geturl()

    @property
    def account_address(self) -> str:
        """Where files, batches and the list of models are."""
        before, deployments, _ = self.address.partition(_DEPLOYMENTS)
        return f"{before}/openai" if deployments else self.address

    @property
    def query(self) -> dict[str, str]:
        """The query of the address, which every request carries."""
        return dict(parse_qsl(urlsplit(self.base_url).query, keep_blank_values=True))

    @property
    def auth_headers(self) -> dict[str, str]:
        """The headers by which the server knows who asks."""
        if _DEPLOYMENTS in self.address:
            return {"api-key": self.api_key}
        return {"Authorization": f"Bearer {self.api_key}"}

    @property
    def is_azure(self) -> bool:
        """Whether the server is Azure's, whatever its host is called."""
        return f".{self._host}".endswith(".azure.com") or _DEPLOYMENTS in self.address

    @property
    def is_openai(self) -> bool:
        """Whether the server is OpenAI's or Azure's own."""
        return f".{self._host}".endswith((".openai.com", ".azure.com"))

    @property
    def is_openais_own(self) -> bool:
        """Whether the server is OpenAI's own, whose models end on the days that it announces."""
        return f".{self._host}".endswith(".openai.com")

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        try:
            return ipaddress.ip_address(self._host).is_loopback
        except ValueError:
            return self._host == "localhost"

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).hostname or ""


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        return False
