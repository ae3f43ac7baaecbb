"""The forms of a run's requests, one for each pack, made when the pack is first asked for."""

from __future__ import annotations

from typing import Any

from jobforge.client import Connection, request_parameters
from jobforge.executor import PackForms
from jobforge.inputs import Pack
from jobforge.settings import Settings

__all__ = ["RequestForms"]


class RequestForms:
    """Gives the forms of packs, for one server and its settings."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection
        self._forms: dict[str, PackForms] = {}

    def of(self, pack: Pack) -> PackForms:
        """Return the pack's forms."""
        forms = self._forms.get(pack.pack_id)
        if forms is None:
            parameters: dict[str, Any] = request_parameters(self._connection, self._settings)
            model = parameters.pop("model")
            forms = self._forms[pack.pack_id] = PackForms(
                pack,
                model=model,
                parameters=parameters,
                largest_completion_tokens=self._settings.max_output_tokens,
                text_bounds=self._settings.bounds_texts(self._connection.is_local),
            )
        return forms
