"""The Batch API of the loopback server: files, batches, and what can go wrong with them.

A batch stays `in_progress` until the test ends it, or ends by itself when it is looked at:

    server.batches.end()                        # all that are under way: completed
    server.batches.end("expired", share=0.5)    # the first half has results
    server.batches.end_when_looked_at(2)        # each when it is looked at for the second time
    server.batches.faults["create"].append("lost")

Faults of a call (upload, create, get, list, file, download): a status such as `500`, `lost` (done,
but the connection breaks before the reply), `hang` (done, but the reply waits for `released`).
"""

from __future__ import annotations

import email
import email.policy
import json
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import Any

__all__ = ["Batches"]

Json = dict[str, Any]
Answer = Callable[[Json], tuple[int, Json]]

_PAGE = 20


class Batches:
    """What the server has of files and batches.

    answer: gives status and body of the reply to one request. released: once it is set what hangs
    is replied to. called: is told the name of each call.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.released = threading.Event()
        self.called: Callable[[str], object] = lambda name: None
        self._ends: tuple[int, str, float] | None = None
        self._looks: Counter[str] = Counter()
        self.files: dict[str, bytes] = {}
        self.names: dict[str, str] = {}
        self.batches: dict[str, Json] = {}
        self.calls: Counter[str] = Counter()
        self.faults: defaultdict[str, deque[str]] = defaultdict(deque)
        self.lock = threading.RLock()

    def fault(self, call: str) -> str:
        """Count a call and return the fault that it meets."""
        with self.lock:
            self.calls[call] += 1
            return self.faults[call].popleft() if self.faults[call] else ""

    def upload(self, content_type: str, raw: bytes) -> Json:
        """Keep a file of a multipart form."""
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        form = email.message_from_bytes(head + raw, policy=email.policy.HTTP)
        parts = {
            part.get_param("name", header="content-disposition"): part for part in form.iter_parts()
        }
        assert parts["purpose"].get_content().strip() == "batch"
        content = parts["file"].get_payload(decode=True)
        assert isinstance(content, bytes)
        with self.lock:
            return self._keep(content, str(parts["file"].get_filename()))

    def create(self, body: Json) -> Json:
        """Begin a batch."""
        assert body["endpoint"] == "/v1/chat/completions"
        assert body["completion_window"] == "24h"
        with self.lock:
            number = len(self.batches) + 1
            total = len(self.requests_of(body["input_file_id"]))
            batch = {
                "id": f"batch_{number}",
                "object": "batch",
                "endpoint": body["endpoint"],
                "input_file_id": body["input_file_id"],
                "completion_window": "24h",
                "status": "in_progress",
                "created_at": int(time.time()),
                "metadata": body.get("metadata"),
                "request_counts": {"total": total, "completed": 0, "failed": 0},
            }
            self.batches[batch["id"]] = batch
            return dict(batch)

    def get(self, batch_id: str) -> Json | None:
        """Return a batch."""
        with self.lock:
            batch = self.batches.get(batch_id)
            self._looks[batch_id] += 1
            if batch is not None and self._ends and batch["status"] == "in_progress":
                look, status, share = self._ends
                if self._looks[batch_id] >= look:
                    self._end(batch, status, share)
            return None if batch is None else dict(batch)

    def file(self, file_id: str) -> Json | None:
        """Return a file without its content."""
        with self.lock:
            return {"id": file_id, "object": "file"} if file_id in self.files else None

    def page(self, after: str | None) -> Json:
        """Return the latest batches, or those that come after one."""
        with self.lock:
            names = list(self.batches)[::-1]
            begin = names.index(after) + 1 if after else 0
            some = names[begin : begin + _PAGE]
            return {
                "object": "list",
                "data": [self.batches[name] for name in some],
                "has_more": begin + len(some) < len(names),
            }

    def requests_of(self, file_id: str) -> list[Json]:
        """Return the lines of a file."""
        return [json.loads(line) for line in self.files[file_id].splitlines()]

    @property
    def requests(self) -> list[Json]:
        """Every request of every batch."""
        return [
            line for one in self.batches.values() for line in self.requests_of(one["input_file_id"])
        ]

    def end(
        self, status: str = "completed", *, share: float = 1.0, only: str | None = None
    ) -> None:
        """End what is under way, or one batch; so many of its requests have results."""
        with self.lock:
            for name, batch in self.batches.items():
                if batch["status"] == "in_progress" and only in (None, name):
                    self._end(batch, status, share)

    def end_when_looked_at(
        self, look: int = 1, status: str = "completed", *, share: float = 1.0
    ) -> None:
        """End every batch when it is looked at so often."""
        self._ends = look, status, share

    def _end(self, batch: Json, status: str, share: float) -> None:
        lines = self.requests_of(batch["input_file_id"])
        done = round(len(lines) * share)
        good: list[Json] = []
        bad: list[Json] = []
        for number, line in enumerate(lines):
            result: Json = {"id": f"batch_req_{number}", "custom_id": line["custom_id"]}
            if number >= done:
                error = {"code": f"batch_{status}", "message": "This request was not executed."}
                bad.append({**result, "response": None, "error": error})
                continue
            code, body = self.answer(line["body"])
            response = {"status_code": code, "request_id": f"req_b{number}", "body": body}
            (good if code == 200 else bad).append({**result, "response": response, "error": None})
        batch["status"] = status
        batch[f"{status}_at"] = int(time.time())
        if status == "failed":
            faults = [{"code": "invalid_json_line", "message": "not JSON", "line": 1}]
            batch["errors"] = {"object": "list", "data": faults}
            return
        batch["request_counts"] = {
            "total": len(lines),
            "completed": len(good),
            "failed": len(bad),
        }
        # The results come in any order.
        for name, results in (("output_file_id", good[::-1]), ("error_file_id", bad)):
            if results:
                text = "".join(json.dumps(one) + "\n" for one in results)
                batch[name] = self._keep(text.encode(), f"{name}.jsonl")["id"]

    def _keep(self, content: bytes, name: str) -> Json:
        file_id = f"file-{len(self.files) + 1}"
        self.files[file_id], self.names[file_id] = content, name
        return {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "filename": name,
            "purpose": "batch",
        }
