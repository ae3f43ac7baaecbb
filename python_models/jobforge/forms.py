"""The forms of a run's requests, one for each pack, made when the pack is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobforge.executor import PackForms
from jobforge.inputs import Pack
from jobforge.settings import Settings

__all__ = ["RequestForms"]


class RequestForms:
    """Gives the forms of packs.

    parameters: what every request of the run has beside messages and schema. text_bounds: see
    `schema`.
    """

    def __init__(
        self, settings: Settings, parameters: Mapping[str, Any], *, text_bounds: bool
    ) -> None:
        self._settings = settings
        self._parameters = parameters
        self._text_bounds = text_bounds
        self._forms: dict[str, PackForms] = {}

    def of(self, pack: Pack) -> PackForms:
        """Return the pack's forms."""
        forms = self._forms.get(pack.pack_id)
        if forms is None:
            forms = self._forms[pack.pack_id] = PackForms(
                pack,
                parameters=self._parameters,
                largest_completion_tokens=self._settings.max_output_tokens,
                text_bounds=self._text_bounds,
            )
        return forms
