"""In which form the server takes the schema: found out by what it refuses, and kept for the run.

Nobody can say by a refusal's words what a server refuses. So a request that is rejected before
anything was answered is sent in the next form; the first form that is answered is the run's, and
from then on a rejection is one. One request at a time finds out; others that were rejected wait for
what it finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jobforge.requests.dialects import FORMS, SchemaForm
from jobforge.settings import SchemaFormChoice

__all__ = ["SchemaForms"]


class SchemaForms:
    """The form of a run's schemas; `say` gets a line where it is not the usual one."""

    def __init__(self, choice: SchemaFormChoice, say: Callable[[str], None]) -> None:
        self._say = say
        self._is_known = choice != "auto"
        self._refused_all: set[str] = set()
        self._finder: object = None
        self._found = asyncio.Event()
        self.now: SchemaForm = "integers" if choice == "auto" else choice

    def taken(self, form: SchemaForm) -> None:
        """Note that the server has worked on a request in this form."""
        if self._is_known:
            return
        self._is_known = True
        if form != self.now:
            self.now = form
            self._say(
                "LLM: the server refuses the usual schema and takes another form of it:"
                f" llm_schema_form: {form} spares the refused requests"
            )

    async def after_rejection(
        self, form: SchemaForm, group: str, finder: object
    ) -> SchemaForm | None:
        """Return the form in which a rejected request of a group is worth another try, or None.

        finder: who asks; it must `leave` when it is done.
        """
        while not self._is_known and self._finder not in (None, finder):
            await self._found.wait()
        if self._is_known:
            return self.now if form != self.now else None
        following = FORMS[FORMS.index(form) + 1 :]
        if group in self._refused_all or not following:
            self._refused_all.add(group)
            return None
        self._finder = finder
        return following[0]

    def leave(self, finder: object) -> None:
        """Let another find out, where this one was about to."""
        if self._finder is finder:
            self._finder = None
            self._found.set()
            self._found = asyncio.Event()
