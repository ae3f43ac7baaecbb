"""Asks a live model, one request at a time, within the cap that the user agreed to.

The cap is checked before each send. A fault of one request fails its cells with the reason; a
fault that every further request would meet stops the sending, and the cells that are left wait
with the reason that says what to do. Nothing that is not an answer becomes a value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from jobforge.client import Completion, CompletionClient
from jobforge.errors import (
    ApiError,
    FatalApiError,
    RefusedError,
    ReplyError,
    TransientApiError,
)
from jobforge.inputs import ImputationRequest, Pack
from jobforge.outcomes import CellOutcome
from jobforge.prompts import PROMPT_VERSION, messages
from jobforge.replies import BadCell, GoodCell, read_cells
from jobforge.schema import response_format
from jobforge.settings import Settings

__all__ = ["LiveModel"]

# A server that fails this many requests in a row, each tried three times, is down.
_FAULTS_IN_A_ROW = 10


class LiveModel:
    """A model that is asked as long as it is open."""

    reads_evidence = True

    def __init__(
        self,
        client: CompletionClient,
        settings: Settings,
        log: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self.calls = 0
        self._client = client
        self._settings = settings
        self._log = log
        self._stop = stop
        self._stopped: str | None = None
        self._faults = 0

    @property
    def closed_reason(self) -> str | None:
        """Why no further request will be sent, or None while one may be."""
        if self._stopped:
            return self._stopped
        if self._stop.is_set():
            return "the run was interrupted: run it again"
        if self.calls >= self._settings.max_calls:
            return (
                f"the cap of {self._settings.max_calls} calls was reached:"
                " raise llm_max_calls to ask for more"
            )
        return None

    def ask(self, request: ImputationRequest, pack: Pack) -> dict[str, CellOutcome]:
        """Send one request and return the outcome of each of its cells, by attribute id."""
        attributes = [pack.attribute(attribute_id) for attribute_id in request.attribute_ids]
        form = response_format(attributes, text_bounds=self._client.takes_text_bounds)
        self.calls += 1
        try:
            completion = self._client.complete(messages(request, pack), form)
            cells = read_cells(completion.content, attributes)
        except FatalApiError as error:
            self._close(str(error))
            waiting = CellOutcome("awaiting_llm", str(error))
            return dict.fromkeys(request.attribute_ids, waiting)
        except (ApiError, ReplyError) as error:
            self._count_fault(error)
            outcome = CellOutcome(
                "refused" if isinstance(error, RefusedError) else "failed",
                str(error),
                model_requested=self._settings.model,
                request_id=error.request_id,
            )
            return dict.fromkeys(request.attribute_ids, outcome)
        self._faults = 0
        moment = datetime.now(UTC)
        return {
            attribute_id: self._outcome(cell, completion, moment)
            for attribute_id, cell in cells.items()
        }

    def _outcome(
        self, cell: GoodCell | BadCell, completion: Completion, moment: datetime
    ) -> CellOutcome:
        if isinstance(cell, BadCell):
            return CellOutcome(
                "failed",
                cell.reason,
                model_requested=self._settings.model,
                request_id=completion.request_id,
            )
        return CellOutcome(
            "answered",
            value=cell.value,
            confidence=cell.confidence,
            rationale=cell.rationale,
            model_requested=self._settings.model,
            model_used=completion.model,
            prompt_version=PROMPT_VERSION,
            request_id=completion.request_id,
            imputed_at=moment,
        )

    def _count_fault(self, error: ApiError | ReplyError) -> None:
        if not isinstance(error, TransientApiError):
            self._faults = 0
            return
        self._faults += 1
        if self._faults >= _FAULTS_IN_A_ROW:
            self._close(f"{self._faults} requests in a row failed, the last one: {error}")

    def _close(self, reason: str) -> None:
        self._stopped = reason
        self._log(f"LLM: no further call is made: {reason}")
