"""The provider's Batch API: files up and down, batches begun and found again.

A batch carries the ledger's name for it in its metadata, so that one whose id was never noted, for
its program died at that moment, is found among the provider's batches.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jobforge import errors
from jobforge.provider.client import get_reply, openai_client, translate_errors
from jobforge.provider.completions import Reply, count, mapping, read_completion
from jobforge.provider.connection import Connection
from jobforge.redaction import redact
from jobforge.settings import Settings

if TYPE_CHECKING:
    import openai

__all__ = ["ENDPOINT", "BatchApi", "RemoteBatch"]

ENDPOINT: Final = "/v1/chat/completions"
_ENDED = ("completed", "failed", "expired", "cancelled")
_LOCAL_ID = "jobforge_batch"
_PAGE = 100
_NO_BATCHES = (
    "the server has no Batch API, or OPENAI_BASE_URL is not an API's address: llm_mode: live asks"
    " without one"
)


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the provider shows it.

    status: validating, in_progress, finalizing, completed, failed, expired, cancelling, cancelled.
    faults: why it failed its validation, a line each.
    """

    batch_id: str
    status: str
    output_file_id: str | None
    error_file_id: str | None
    total: int
    done: int
    ended_at: datetime | None
    faults: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it: its results are there, if it has any."""
        has_files = bool(self.output_file_id or self.error_file_id)
        return self.status in _ENDED and (has_files or not self.done)


class BatchApi:
    """Speaks to one server; every method raises ApiError or ReplyError."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._model = settings.model
        self._connection = connection
        self._timeout = settings.timeout_seconds

    def upload(self, path: Path, name: str) -> str:
        """Upload a file of requests under a name, and return the file's id."""
        files = self._openai.files.with_raw_response
        with path.open("rb") as content:
            body = self._json(
                lambda: files.create(file=(name, content, "application/jsonl"), purpose="batch")
            )
        return _required(body, "id")

    def create(self, input_file_id: str, local_id: str) -> RemoteBatch:
        """Begin a batch; sent once, for a second sending could begin a second batch."""
        batches = self._openai.with_options(max_retries=0).batches.with_raw_response
        body = self._json(
            lambda: batches.create(
                input_file_id=input_file_id,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={_LOCAL_ID: local_id},
            )
        )
        return self._batch(body)

    def get(self, batch_id: str) -> RemoteBatch | None:
        """Return a batch, or None where the server does not know it."""
        reply = self._reply(lambda: self._openai.batches.with_raw_response.retrieve(batch_id))
        return None if reply.status == 404 else self._batch(self._read(reply))

    def find(self, local_id: str, since: datetime) -> RemoteBatch | None:
        """Return the batch that carries the local id, or None where none that is as new does."""
        batches = self._openai.batches.with_raw_response
        query: dict[str, object] = {"limit": _PAGE}
        while True:
            page = self._json(partial(batches.list, extra_query=dict(query)))
            found = [mapping(one) for one in _list(page.get("data"))]
            for one in found:
                if mapping(one.get("metadata")).get(_LOCAL_ID) == local_id:
                    return self._batch(one)
            created = [_moment(one.get("created_at")) or since for one in found]
            # The latest come first.
            if not found or min(created) < since or not page.get("has_more"):
                return None
            query["after"] = _required(found[-1], "id")

    def has_file(self, file_id: str) -> bool:
        """Say whether the server knows a file that was uploaded."""
        reply = self._reply(lambda: self._openai.files.with_raw_response.retrieve(file_id))
        if reply.status == 404:
            return False
        self._read(reply)
        return True

    def download(self, file_id: str, path: Path) -> None:
        """Write a file of the provider's to a path, as it comes."""
        import openai

        content = self._openai.files.with_streaming_response.content
        try:
            with translate_errors(self._connection, self._timeout), content(file_id) as response:
                response.stream_to_file(path)
        except openai.APIStatusError as error:
            reply = error.response
            if reply.status_code == 404:
                words = f"the server has its file {file_id} no longer"
                raise errors.RequestRejectedError(words, status=404) from None
            self._read(Reply(reply.status_code, reply.headers, reply.read(), 0.0))
            raise

    @cached_property
    def _openai(self) -> openai.OpenAI:
        return openai_client(self._connection, self._timeout, of_account=True)

    def _reply(self, call: Callable[[], Any]) -> Reply:
        return get_reply(call, self._connection, self._timeout)

    def _json(self, call: Callable[[], Any]) -> Mapping[str, Any]:
        return self._read(self._reply(call))

    def _read(self, reply: Reply) -> Mapping[str, Any]:
        if reply.status in (404, 405, 501):
            raise errors.RequestRejectedError(_NO_BATCHES, status=reply.status)
        if not 200 <= reply.status < 300:
            error = read_completion(reply, self._model, self._connection.secrets).error
            assert error is not None
            raise error
        try:
            return mapping(json.loads(reply.body))
        except (ValueError, RecursionError):
            raise errors.UnreadableReplyError(
                "unreadable: the server's reply is not JSON", request_id=reply.request_id
            ) from None

    def _batch(self, body: Mapping[str, Any]) -> RemoteBatch:
        counts = mapping(body.get("request_counts"))
        ends = ("completed_at", "expired_at", "cancelled_at", "failed_at")
        ended = [_moment(body.get(name)) for name in ends]
        faults = [mapping(one) for one in _list(mapping(body.get("errors")).get("data"))]
        words = [f"{one.get('message') or one.get('code')}{_at_line(one)}" for one in faults]
        return RemoteBatch(
            batch_id=_required(body, "id"),
            status=_required(body, "status"),
            output_file_id=body.get("output_file_id"),
            error_file_id=body.get("error_file_id"),
            total=count(counts.get("total")) or 0,
            done=(count(counts.get("completed")) or 0) + (count(counts.get("failed")) or 0),
            ended_at=max((at for at in ended if at), default=None),
            faults=tuple(redact(one, self._connection.secrets) for one in words),
        )


def _at_line(fault: Mapping[str, Any]) -> str:
    return f" (line {fault['line']})" if fault.get("line") else ""


def _required(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise errors.UnreadableReplyError(f"unreadable: the server's reply has no {name!r}")
    return value


def _moment(seconds: Any) -> datetime | None:
    usable = isinstance(seconds, int | float) and 0 < seconds < 1e11
    return datetime.fromtimestamp(seconds, UTC) if usable else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
