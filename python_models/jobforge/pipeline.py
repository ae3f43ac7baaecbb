"""The imputation of a warehouse's missing cells: Arrow in, Arrow out.

Every cell of every request leaves as exactly one row, whatever happens. Rows stream: a request is
sent when the reader is pulled, and a request that will not be sent costs next to nothing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from jobforge.client import ChatClient, CompletionClient, Connection
from jobforge.inputs import ArrowRows, ImputationRequest, Pack, read_packs, read_requests
from jobforge.keys import cell_key
from jobforge.live import LiveModel
from jobforge.outcomes import OUTCOME_SCHEMA, CellOutcome, OutcomeColumns
from jobforge.recorded import Recording
from jobforge.settings import Settings

__all__ = ["NO_CONNECTION", "impute", "nothing"]

NO_CONNECTION = "no model is set: set OPENAI_API_KEY or OPENAI_BASE_URL"
_ROWS_PER_BATCH = 4096
_SECONDS_BETWEEN_LINES = 10.0

Log = Callable[[str], None]


class Asker(Protocol):
    """Whatever gives a request's cells their outcomes."""

    @property
    def reads_evidence(self) -> bool:
        """Whether known attributes and comparable jobs are of use."""

    @property
    def closed_reason(self) -> str | None:
        """Why nothing more is asked, or None."""

    def ask(self, request: ImputationRequest, pack: Pack) -> dict[str, CellOutcome]:
        """Return the outcome of each of the request's cells, by attribute id."""


@dataclass(frozen=True, slots=True)
class _Closed:
    """Asks nothing, and says why."""

    closed_reason: str
    reads_evidence: bool = False

    def ask(self, request: ImputationRequest, pack: Pack) -> dict[str, CellOutcome]:
        raise AssertionError("a closed asker is not asked")


def impute(
    packs: ArrowRows,
    requests: ArrowRows,
    recorded_answers: ArrowRows,
    settings: Settings,
    *,
    invocation_id: str,
    log: Log,
    stop: threading.Event | None = None,
    client: CompletionClient | None = None,
) -> pa.RecordBatchReader:
    """Return one row per cell of the requests, with the columns of OUTCOME_SCHEMA.

    The model is asked while the reader is read. `log` gets a line now and then and one at the end;
    once `stop` is set no further request is sent. `client` stands in for the one that the
    environment names. Raises SettingsError or InputError before any call, and InputError while
    reading where a request names an attribute that its pack does not have.
    """
    asker = _asker(recorded_answers, settings, log, stop or threading.Event(), client)
    run = _Run(read_packs(packs), asker, invocation_id, log)
    return pa.RecordBatchReader.from_batches(OUTCOME_SCHEMA, run.batches(requests))


def nothing() -> pa.RecordBatchReader:
    """Return no rows, with the columns of OUTCOME_SCHEMA; nothing is asked."""
    return pa.RecordBatchReader.from_batches(OUTCOME_SCHEMA, iter(()))


def _asker(
    recorded_answers: ArrowRows,
    settings: Settings,
    log: Log,
    stop: threading.Event,
    client: CompletionClient | None,
) -> Asker:
    if settings.mode == "off":
        return _Closed("llm_mode is off")
    if settings.mode != "replay":
        if client is None:
            connection = Connection.from_environment()
            client = ChatClient(connection, settings) if connection else None
        if client is not None:
            return LiveModel(client, settings, log, stop)
        if settings.mode == "live":
            return _Closed(NO_CONNECTION)
    missing = "no recorded answer"
    if settings.mode == "auto":
        missing = f"{missing}, and {NO_CONNECTION}"
    return Recording(recorded_answers, missing_reason=missing)


class _Run:
    """One pass over the requests, with its counts."""

    def __init__(self, packs: dict[str, Pack], asker: Asker, invocation_id: str, log: Log) -> None:
        self._packs = packs
        self._asker = asker
        self._columns = OutcomeColumns(invocation_id)
        self._log = log
        self._counts: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._started = self._last_line = time.monotonic()

    def batches(self, requests: ArrowRows) -> Iterator[pa.RecordBatch]:
        for request in read_requests(requests, self._evidence_wanted):
            if request.attribute_ids:
                self._add(request)
            if len(self._columns) >= _ROWS_PER_BATCH:
                yield self._columns.take()
            if time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
                self._say("so far")
        yield self._columns.take()
        if self._counts:
            self._say("done")

    def _evidence_wanted(self) -> bool:
        return self._asker.reads_evidence and self._asker.closed_reason is None

    def _add(self, request: ImputationRequest) -> None:
        pack = self._packs.get(request.pack_id, Pack(request.pack_id, ()))
        reason = self._asker.closed_reason
        if reason is None:
            outcomes = self._asker.ask(request, pack)
        else:
            outcomes = dict.fromkeys(request.attribute_ids, CellOutcome("awaiting_llm", reason))
        for attribute_id, outcome in outcomes.items():
            key = cell_key(request.job, pack.attribute(attribute_id))
            self._columns.add(request, attribute_id, key, outcome)
            self._counts[outcome.outcome] += 1
            if outcome.outcome == "awaiting_llm" and outcome.reason:
                self._waiting[outcome.reason] += 1

    def _say(self, stage: str) -> None:
        self._last_line = time.monotonic()
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self._counts.items()))
        calls = getattr(self._asker, "calls", 0)
        seconds = self._last_line - self._started
        line = f"LLM {stage}: {counts} (cells), {calls} calls, {seconds:.0f} s"
        if stage == "done":
            for reason, count in self._waiting.most_common():
                line += f"\n  {count} cells wait: {reason}"
        self._log(line)
