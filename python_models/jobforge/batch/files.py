"""A batch's files: the requests that go up, and the results that come down.

Both may have hundreds of megabytes, so they are on the disk and not in memory: a draft is written
as it grows, a result is read when its request is at hand.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from jobforge import errors
from jobforge.answers.attempts import CameBack, read_reply, status_of
from jobforge.ledger import BatchItem
from jobforge.provider.batch_api import ENDPOINT
from jobforge.provider.completions import Reply, mapping
from jobforge.redaction import redact, without_secrets
from jobforge.requests.dialects import form_of, has_rationale
from jobforge.requests.inputs import Attribute
from jobforge.requests.values import plain_number

__all__ = [
    "LARGEST_BYTES",
    "MOST_REQUESTS",
    "BatchDraft",
    "BatchResults",
    "definitions",
]

# The limits of OpenAI's Batch API for one file.
MOST_REQUESTS = 50_000
LARGEST_BYTES = 200_000_000

_NOT_RUN = ("batch_expired", "batch_cancelled")


class BatchDraft:
    """Requests on their way into one batch, as lines of a file; `close` takes it away."""

    def __init__(self) -> None:
        self.items: list[BatchItem] = []
        self.bytes = 0
        self._file = tempfile.NamedTemporaryFile(prefix="jobforge-", suffix=".jsonl")  # noqa: SIM115 - see close

    @property
    def path(self) -> Path:
        """Where the file is, with all that was added."""
        self._file.flush()
        return Path(self._file.name)

    @property
    def next_id(self) -> str:
        """What the next request is called in the batch."""
        return f"{len(self.items) + 1:05d}"

    def has_room(self, body: bytes) -> bool:
        """Say whether a request still fits."""
        size = self.bytes + len(_line(self.next_id, body))
        return len(self.items) < MOST_REQUESTS and size <= LARGEST_BYTES

    def add(self, item: BatchItem, body: bytes) -> None:
        """Add a request with its body, under `next_id`."""
        line = _line(item.custom_id, body)
        self._file.write(line)
        self.bytes += len(line)
        self.items.append(item)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


def _line(custom_id: str, body: bytes) -> bytes:
    head = json.dumps({"custom_id": custom_id, "method": "POST", "url": ENDPOINT})
    return head[:-1].encode() + b', "body": ' + body + b"}\n"


class BatchResults:
    """The results in the files of one batch, by the request's custom id.

    unreadable: lines that are no result.
    """

    def __init__(self, files: Iterable[Path], secrets: Sequence[str] = ()) -> None:
        self.unreadable = 0
        self._secrets = tuple(secrets)
        self._places: dict[str, tuple[Path, int]] = {}
        self._answered: set[str] = set()
        for path in files:
            with path.open("rb") as lines:
                at = 0
                for line in lines:
                    self._note(line, path, at)
                    at += len(line)

    def of(self, item: BatchItem) -> CameBack:
        """Return what came of a request."""
        place = self._places.get(item.custom_id)
        if place is None:
            return _not_answered(item, "the batch has no result for it", was_sent=False)
        path, at = place
        with path.open("rb") as file:
            file.seek(at)
            line = json.loads(file.readline())
        response, error = mapping(line.get("response")), mapping(line.get("error"))
        if response.get("body") is None:
            said = redact(str(error.get("message") or "no result"), self._secrets)
            return _not_answered(item, said, was_sent=error.get("code") not in _NOT_RUN)
        return self._read(item, response)

    def _note(self, line: bytes, path: Path, at: int) -> None:
        try:
            result = mapping(json.loads(line))
        except (ValueError, RecursionError):
            result = {}
        custom_id = result.get("custom_id")
        if not isinstance(custom_id, str):
            self.unreadable += bool(line.strip())
            return
        # A server may say twice what came of a request: an answer counts, else what it said first.
        answered = mapping(result.get("response")).get("status_code") == 200
        if custom_id not in self._places or (answered and custom_id not in self._answered):
            self._places[custom_id] = (path, at)
        if answered:
            self._answered.add(custom_id)

    def _read(self, item: BatchItem, response: Mapping[str, Any]) -> CameBack:
        status = response.get("status_code")
        status = status if isinstance(status, int) else 200
        request_id = response.get("request_id")
        headers = {"x-request-id": request_id} if isinstance(request_id, str) else {}
        body = without_secrets(json.dumps(response["body"], ensure_ascii=False), self._secrets)
        reply = Reply(status, headers, body.encode("utf-8", "replace"), 0.0)
        schema = item.request.schema_text
        return read_reply(
            reply,
            item.request.model,
            self._secrets,
            _attributes(item),
            form_of(schema),
            with_rationale=has_rationale(schema),
        )


def definitions(attributes: Iterable[Attribute]) -> str:
    """Return, as JSON, what is needed to check these attributes' answers."""
    return json.dumps(
        [
            [
                attribute.attribute_id,
                attribute.value_type,
                *(
                    None if bound is None else plain_number(bound)
                    for bound in (attribute.scale_minimum, attribute.scale_maximum)
                ),
                attribute.allowed_values,
            ]
            for attribute in attributes
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _attributes(item: BatchItem) -> list[Attribute]:
    return [
        Attribute(
            attribute_id=attribute_id,
            name=attribute_id,
            domain=item.request.domain,
            description="",
            value_type=value_type,
            scale_minimum=None if low is None else Decimal(low),
            scale_maximum=None if high is None else Decimal(high),
            allowed_values=tuple(allowed),
        )
        for attribute_id, value_type, low, high, allowed in json.loads(item.definitions)
    ]


def _not_answered(item: BatchItem, reason: str, *, was_sent: bool) -> CameBack:
    error = errors.ServerFaultError(f"not answered: {reason}")
    return CameBack(
        attribute_ids=tuple(cell.attribute_id for cell in item.request.cells),
        status=status_of(error),
        error=error,
        was_sent=was_sent,
    )
