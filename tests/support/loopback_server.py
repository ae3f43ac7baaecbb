"""A real HTTP server on loopback that speaks the chat completions protocol.

It answers any strict JSON schema with a valid instance, the same one for the same messages and
schema; it logs what it was asked, without secrets; and it misbehaves on command, by a script
(`server.script("500", "ok")`, one entry a request) or by rates (`rates={"429": 0.1}`).

    with LoopbackServer() as server: ...                      # server.base_url
    python -m support.loopback_server --port 8089 --log requests.jsonl   # in tests/
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import random
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from support.loopback_batches import Batches
from support.token_probabilities import answer_tokens, listed_tokens, token
from support.waiting import HANG_SECONDS

__all__ = [
    "FAULTS",
    "Asked",
    "LoopbackServer",
    "clothes",
    "instance_of",
    "strict_schema_fault",
]

MODEL = "loopback-model"

# Name of the fault -> HTTP status, error code, message. `KEY` is replaced by the client's key,
# `CLOTHES` by the key in all clothes, the path and characters that nobody sees.
STATUS_FAULTS: dict[str, tuple[int, str | None, str]] = {
    "400": (400, "invalid_request_error", "Invalid schema for response_format"),
    "401": (401, "invalid_api_key", "Incorrect API key provided"),
    "401_echo": (401, "invalid_api_key", "Incorrect API key provided: KEY (Bearer KEY)"),
    "401_clothes": (401, "invalid_api_key", "No: CLOTHES"),
    "403": (403, "permission_denied", "This project may not use the model"),
    "404": (404, "model_not_found", "The model does not exist"),
    "408": (408, None, "Request timeout"),
    "413": (413, None, "Payload too large"),
    "422": (422, None, "Unprocessable"),
    "429": (429, "rate_limit_exceeded", "Rate limit reached"),
    "500": (500, None, "The server had an error"),
    "503": (503, None, "Overloaded, KEY"),
    "insufficient_quota": (429, "insufficient_quota", "You exceeded your current quota"),
    "context_too_long": (400, "context_length_exceeded", "Too many tokens"),
    "content_filter_400": (400, "content_filter", "The prompt was filtered"),
}
REPLY_FAULTS = (
    "refusal",
    "content_filter",
    "truncated",
    "bad_json",
    "duplicate_key",
    "not_an_object",
    "nan",
    "empty_content",
    "null_content",
    "empty_choices",
    "error_body",
    "router_429",
    "unbegun",
    "under_a_key",
    "cut_prompt",
    "other_model",
)
# What a router in front of the model sends with a 200.
BODY_ERRORS = {
    "error_body": {"message": "upstream failed", "code": 502},
    "router_429": {"message": "Provider returned error", "code": 429},
}
# These spoil one attribute, the first one or the one named after `=`.
CELL_FAULTS = (
    "wrong_type",
    "out_of_range",
    "missing_attribute",
    "extra_attribute",
    "not_a_cell",
    "no_rationale",
    "empty_rationale",
    "bad_confidence",
    "fraction_confidence",
)
CONNECTION_FAULTS = ("reset", "slow", "html", "drip", "flood", "redirect")
FAULTS = ("ok", *STATUS_FAULTS, *REPLY_FAULTS, *CELL_FAULTS, *CONNECTION_FAULTS)

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it; the key is only said to be there or not."""

    path: str
    headers: Mapping[str, str]
    body: Json
    fault: str
    has_key: bool

    @property
    def messages(self) -> list[dict[str, str]]:
        messages: list[dict[str, str]] = self.body["messages"]
        return messages

    @property
    def schema(self) -> Json:
        schema: Json = self.body["response_format"]["json_schema"]["schema"]
        return schema

    @property
    def attribute_ids(self) -> list[str]:
        return list(self.schema["properties"])


@dataclass
class LoopbackServer:
    """The server; start and stop it as a context manager.

    rates: fault -> share of the requests that meet it, drawn by `seed`.
    dialect: refuse schemas with a 400 as `openai` or `azure` does in strict mode, or as a server of
        `strings` or `plain` enums does, or as a `flat` one that follows no reference from `$defs`;
        None takes all.
    model: what replies say gave them; None repeats the model that was asked for.
    delay_seconds: how long every reply takes.
    deployment: the server is an Azure deployment by that name: it knows the addresses that such a
        one has, and refuses those without an api-version.
    refuses: names of parameters that the server rejects with a 400.
    gives_logprobs: replies tell how probable their words are, where that is asked for.
    chances: gives for a request's body and its answer how probable each value of a cell was, by its
        JSON, or None for a reply that does not tell; the rest is certain.
    usage_details: what a reply's usage says beside the counts.
    shutdown_date: the model's last day, as the list of models tells it.
    silent: is told the body of each request that meets `slow` or `drip`.
    answer: gives the reply's content for a request's body, or None for the usual instance.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    dialect: str | None = None
    model: str | None = MODEL
    delay_seconds: float = 0.0
    seed: int = 0
    port: int = 0
    log_file: Path | None = None
    answer: Callable[[Json], Json | None] | None = None
    keep: bool = True
    limit: Callable[[], str | None] | None = None
    headers: Callable[[], Mapping[str, str]] | None = None
    deployment: str | None = None
    refuses: tuple[str, ...] = ()
    gives_logprobs: bool = False
    chances: Callable[[Json, Json], Mapping[str, Mapping[str, float]] | None] = lambda *_: {}
    usage_details: Mapping[str, Any] = field(default_factory=dict)
    shutdown_date: str | None = None
    silent: Callable[[bytes], object] = lambda body: None

    def __post_init__(self) -> None:
        self.asked: list[Asked] = []
        self.count = 0
        self._script: deque[str] = deque()
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self._log = self.log_file.open("a", encoding="utf-8") if self.log_file else None
        self.batches = Batches(self._in_batch)
        self._held_after = 0
        self._released = threading.Event()
        self._released.set()
        self._ended = threading.Event()
        for name in self.rates:
            _known_fault(name)

    def script(self, *faults: str) -> None:
        """Meet the next requests with these faults, in order; `ok` is none.

        A fault may have a value: `429=0.1` sends Retry-After 0.1, `wrong_type=leadership` spoils
        that attribute, `drip=0.1` sends a byte each 0.1 seconds, `flood=10` sends ten million
        bytes. `slow` sends nothing for as long as the client waits.
        """
        for fault in faults:
            _known_fault(fault)
        with self._lock:
            self._script.extend(faults)

    def hold(self, after: int = 0) -> None:
        """Hold the replies to all requests but the first so many, until they are released."""
        self._held_after = after
        self._released.clear()

    def release(self) -> None:
        """Send what was held, and hold nothing more."""
        self._released.set()

    def settle(self) -> None:
        """Return once all has been read that was sent by clients which are all gone."""
        address = ("127.0.0.1", int(self._server.server_address[1]))
        # Connections are taken in their order: once this one was, every earlier one was.
        with socket.create_connection(address) as last:
            last.sendall(b"GET /v1/models HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            while last.recv(4096):
                """Nobody reads the list."""
        self._server.wait_until_idle()

    @property
    def base_url(self) -> str:
        host = f"http://127.0.0.1:{self._server.server_address[1]}"
        if self.deployment:
            return f"{host}/openai/deployments/{self.deployment}?api-version=2024-10-21"
        return f"{host}/v1"

    def route(self, given: str) -> str:
        """Return a path as a server without deployments has it."""
        path, _, query = given.partition("?")
        asked = parse_qs(query)
        if not self.deployment or not asked.get("api-version"):
            return given if not self.deployment else f"{path} without an api-version"
        chat = f"/openai/deployments/{self.deployment}/chat/completions"
        if path == chat:
            return "/v1/chat/completions"
        of_account = path.startswith(("/openai/files", "/openai/batches", "/openai/models"))
        rest = "&".join(f"{name}={one[0]}" for name, one in asked.items() if name != "api-version")
        return path.replace("/openai/", "/v1/", 1) + f"?{rest}" * bool(rest) if of_account else path

    def __enter__(self) -> LoopbackServer:
        handler = type("Handler", (_Handler,), {"loopback": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._log:
            self._log.close()

    def record(self, path: str, headers: Mapping[str, str], body: Json) -> tuple[str, int]:
        """Log a request; return the fault that it meets and its number."""
        has_key = bool(headers.get("api-key" if self.deployment else "authorization"))
        kept = {k.lower(): v for k, v in headers.items() if k.lower() not in _SECRET_HEADERS}
        with self._lock:
            fault = self._script.popleft() if self._script else self._next_fault()
            self.count += 1
            asked = Asked(path, kept, body, fault, has_key)
            if self.keep:
                self.asked.append(asked)
            if self._log:
                line = {"path": path, "headers": kept, "body": body, "fault": fault}
                self._log.write(json.dumps({**line, "has_key": has_key}) + "\n")
                self._log.flush()
            return fault, self.count

    def _in_batch(self, body: Json) -> tuple[int, Json]:
        fault, number = self.record("/v1/batches", {}, body)
        name, _, value = fault.partition("=")
        if name in STATUS_FAULTS:
            status, code, message = STATUS_FAULTS[name]
            return status, error_body(code, message)
        refused = strict_schema_fault(schema_of(body), self.dialect)
        if refused:
            return 400, error_body("invalid_json_schema", refused)
        return 200, self.completion(body, name, value, number)

    def completion(self, body: Json, fault: str, value: str, number: int) -> Json:
        """Return the reply to a request, as the fault spoils it."""
        if fault in BODY_ERRORS:
            return {"error": BODY_ERRORS[fault]}
        schema = schema_of(body)
        answer = self.answer(body) if self.answer else None
        if answer is None:
            answer = instance_of(schema, json.dumps(body["messages"])) if schema else {"text": "ok"}
        content, finish, refusal = _misbehave(answer, fault, value)
        message = {"role": "assistant", "content": content, "refusal": refusal}
        prompt_tokens = sum(len(m["content"]) for m in body["messages"]) // 4
        if fault == "cut_prompt":
            prompt_tokens = 32
        completion_tokens = len(content or "") // 4
        if fault == "unbegun":
            completion_tokens = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        logprobs = self._logprobs(body, answer, content)
        choices = [{"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}]
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": "another-model" if fault == "other_model" else self.model or body["model"],
            "choices": [] if fault == "empty_choices" else choices,
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
                **self.usage_details,
            },
        }

    def _logprobs(self, body: Json, answer: Json, content: str | None) -> Json | None:
        chances = self.chances(body, answer)
        if not (self.gives_logprobs and body.get("logprobs")) or chances is None:
            return None
        if content != json.dumps(answer, ensure_ascii=False):
            return listed_tokens([token(content or "")])
        return listed_tokens(answer_tokens(answer, chances))

    def _next_fault(self) -> str:
        return (self.limit() if self.limit else None) or self._draw()

    def _draw(self) -> str:
        roll = self._random.random()
        for fault, rate in self.rates.items():
            roll -= rate
            if roll < 0:
                return fault
        return "ok"


_LOOK_SECONDS = 0.02
_SECRET_HEADERS = ("authorization", "api-key", "x-api-key", "cookie")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._connections = 0
        self._changed = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count a connection from the moment it is taken."""
        self._count(1)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._count(-1)

    def wait_until_idle(self) -> None:
        """Return once there is no connection."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._connections, HANG_SECONDS)

    def _count(self, change: int) -> None:
        with self._changed:
            self._connections += change
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event."""


class _Handler(BaseHTTPRequestHandler):
    loopback: LoopbackServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave in one packet
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the console."""

    def do_GET(self) -> None:
        path, _, query = self.loopback.route(self.path).partition("?")
        if path.rstrip("/") == "/v1/models":
            name = self.loopback.model or MODEL
            entry = {"id": name, "object": "model"}
            if self.loopback.shutdown_date:
                entry["shutdown_date"] = self.loopback.shutdown_date
            return self._send(200, {"object": "list", "data": [entry]})
        if not path.startswith(("/v1/files/", "/v1/batches")):
            return self._error(404, None, f"no such path: {path}")
        batches = self.loopback.batches
        name = path.split("/")[3] if path.count("/") > 2 else ""
        if path.startswith("/v1/files/"):
            if path.endswith("/content"):
                return self._batch_call("download", lambda: batches.files.get(name))
            return self._batch_call("file", lambda: batches.file(name))
        if name:
            return self._batch_call("get", lambda: batches.get(name))
        after = parse_qs(query).get("after", [None])[0]
        self._batch_call("list", lambda: batches.page(after))

    def _batch_call(self, name: str, call: Callable[[], Json | bytes | None]) -> None:
        """Answer a call of the Batch API."""
        fault = self.loopback.batches.fault(name)
        self.loopback.batches.called(name)
        if fault.isdigit():
            return self._error(int(fault), None, f"fault {fault}")
        result = call()
        if fault == "lost":
            return self._reset()
        if fault == "hang" and not self._held_until(self.loopback.batches.released):
            return None
        if result is None:
            return self._error(404, None, "there is no such thing")
        if isinstance(result, bytes):
            return self._send_bytes(200, result, "application/octet-stream", {})
        self._send(200, result)

    def do_POST(self) -> None:
        raw = self._body()
        batches = self.loopback.batches
        path = self.loopback.route(self.path)
        if path == "/v1/files":
            kind = self.headers["content-type"]
            return self._batch_call("upload", lambda: batches.upload(kind, raw))
        if path == "/v1/batches":
            return self._batch_call("create", lambda: batches.create(json.loads(raw)))
        if path != "/v1/chat/completions":
            return self._error(404, None, f"no such path: {path}")
        body = json.loads(raw)
        lower = {name.lower(): value for name, value in self.headers.items()}
        fault, number = self.loopback.record(self.path, lower, body)
        name, _, value = fault.partition("=")
        if number > self.loopback._held_after and not self._held_until(self.loopback._released):
            return None
        if self.loopback.delay_seconds:
            time.sleep(self.loopback.delay_seconds)
        if name == "slow":
            self.loopback.silent(raw)
            self._held_until(threading.Event())
            return None
        if name == "reset":
            return self._reset()
        if name == "html":
            return self._send_bytes(200, b"<html>Sign in</html>", "text/html", {})
        if name == "redirect":
            return self._send_bytes(307, b"", "text/plain", {"location": self.path})
        if name == "drip":
            return self._drip(float(value or 0.1), raw)
        if name == "flood":
            return self._send_bytes(200, b" " * int(float(value or 10) * 1e6), "text/plain", {})
        request_id = {"x-request-id": f"req_{number}"}
        request_id |= self.loopback.headers() if self.loopback.headers else {}
        if name in STATUS_FAULTS:
            status, code, message = STATUS_FAULTS[name]
            key = lower.get("authorization", "").removeprefix("Bearer ")
            retry_after = {"retry-after": value} if value else {}
            headers = {**request_id, **retry_after}
            said = message.replace("KEY", key)
            if "CLOTHES" in said:
                said = said.replace(
                    "CLOTHES", " ".join((*clothes(key), self.path, "\x1b[31m\u202e"))
                )
            return self._error(status, code, said, headers)
        for parameter in body.keys() & set(self.loopback.refuses):
            return self._error(400, "unsupported_parameter", f"no {parameter} here", request_id)
        refused = strict_schema_fault(schema_of(body), self.loopback.dialect)
        if refused:
            return self._error(400, "invalid_json_schema", refused, request_id)
        self._send(200, self.loopback.completion(body, name, value, number), request_id)

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _error(
        self,
        status: int,
        code: str | None,
        message: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._send(status, error_body(code, message), headers)

    def _send(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(body).encode(), "application/json", headers or {})

    def _send_bytes(
        self, status: int, body: bytes, content_type: str, headers: Mapping[str, str]
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _held_until(self, released: threading.Event) -> bool:
        """Wait for the event; return whether the client has waited as well."""
        while not released.wait(_LOOK_SECONDS):
            if self.loopback._ended.is_set() or self._client_is_gone():
                self.close_connection = True
                return False
        return True

    def _client_is_gone(self) -> bool:
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def _drip(self, seconds: float, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "100000")
        self.end_headers()
        try:
            for number in range(100_000):
                self.wfile.write(b" ")
                self.wfile.flush()
                if number == 0:
                    self.loopback.silent(body)
                if self.loopback._ended.wait(seconds):
                    break
        except OSError:
            self.close_connection = True

    def _reset(self) -> None:
        # Lingering for no time makes the kernel send RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()


def clothes(secret: str) -> list[str]:
    """Return a secret as servers repeat it: whole, in capitals, in half, escaped, encoded."""
    plain = secret.encode()
    escaped = ["".join(form.format(byte) for byte in plain) for form in ("%{:02x}", "\\u{:04x}")]
    basic = [base64.b64encode(before + plain).decode() for before in (b"", b"u:", b"me:")]
    parts = [secret, secret.upper(), secret[: len(secret) // 2]]
    return [*parts, *escaped, *basic, quote(secret, safe=""), plain.hex()]


def schema_of(body: Json) -> Json | None:
    """Return the JSON schema that a request asks for."""
    schema: Json | None = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return schema


def error_body(code: str | None, message: str) -> Json:
    """Return the body of a reply that is an error."""
    kind = code or "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _known_fault(fault: str) -> None:
    if fault.partition("=")[0] not in FAULTS:
        raise ValueError(f"{fault!r} is no fault; the faults are {', '.join(FAULTS)}")


def _misbehave(answer: Json, fault: str, value: str) -> tuple[str | None, str, str | None]:
    """Return content, finish reason and refusal."""
    if fault == "refusal":
        return None, "stop", "I cannot help with that."
    if fault == "content_filter":
        return "", "content_filter", None
    if fault in CELL_FAULTS:
        answer = _spoil(answer, fault, value or next(iter(answer)))
    text = json.dumps(answer, ensure_ascii=False)
    spoiled: dict[str, str | None] = {
        "truncated": text[: len(text) // 2],
        "bad_json": text[:-1] + ",}",
        "duplicate_key": text[:-1] + ", " + text[1:],
        "not_an_object": json.dumps(list(answer.values())),
        "nan": text.replace('"confidence": ', '"confidence": NaN, "was": ', 1),
        "empty_content": "",
        "unbegun": "",
        "under_a_key": json.dumps({"answers": answer}),
        "null_content": None,
    }
    return spoiled.get(fault, text), "length" if fault in ("truncated", "unbegun") else "stop", None


def _spoil(answer: Json, fault: str, attribute: str) -> Json:
    answer = json.loads(json.dumps(answer))
    cell: Json = answer.get(attribute, {})
    if fault == "missing_attribute":
        del answer[attribute]
    elif fault == "extra_attribute":
        answer["never_asked_for"] = {"rationale": "extra", "value": 1, "confidence": 50}
    elif fault == "not_a_cell":
        answer[attribute] = 3
    elif fault == "no_rationale":
        del cell["rationale"]
    elif fault == "empty_rationale":
        cell["rationale"] = "  "
    elif fault == "bad_confidence":
        cell["confidence"] = 101
    elif fault == "fraction_confidence":
        cell["confidence"] = 0.85
    elif fault == "wrong_type":
        cell["value"] = ["not", "a", "value"]
    elif fault == "out_of_range":
        number = isinstance(cell["value"], int | float) and not isinstance(cell["value"], bool)
        cell["value"] = 10**9 if number else "not an allowed value"
    return answer


def instance_of(schema: Json, seed: str) -> Any:
    """Return an instance of a JSON schema, always the same one for the same seed."""
    return _Instances(schema, seed).of(schema, "")


class _Instances:
    def __init__(self, root: Json, seed: str) -> None:
        self._root = root
        self._hash = hashlib.sha256(seed.encode())

    def of(self, schema: Json, path: str) -> Any:
        if "$ref" in schema:
            target: Any = self._root
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return self.of(target, path)
        if "enum" in schema:
            return schema["enum"][self._draw(path, len(schema["enum"]))]
        if "const" in schema:
            return schema["const"]
        if "anyOf" in schema:
            options = schema["anyOf"]
            return self.of(options[self._draw(path, len(options))], path)
        kind = schema.get("type", "object")
        return getattr(self, f"_{kind if isinstance(kind, str) else kind[0]}")(schema, path)

    def _object(self, schema: Json, path: str) -> Json:
        parts = schema.get("properties", {})
        return {name: self.of(part, f"{path}.{name}") for name, part in parts.items()}

    def _array(self, schema: Json, path: str) -> list[Any]:
        length = schema.get("minItems", 0) or 1 + self._draw(path, 3)
        return [self.of(schema["items"], f"{path}[{place}]") for place in range(length)]

    def _string(self, schema: Json, path: str) -> str:
        text = f"because of {path.lstrip('.')}"
        longest = schema.get("maxLength", 200)
        return text[:longest].ljust(schema.get("minLength", 0), "x")

    def _integer(self, schema: Json, path: str) -> int:
        low = int(schema.get("minimum", 0))
        return low + self._draw(path, int(schema.get("maximum", low + 5)) - low + 1)

    def _number(self, schema: Json, path: str) -> float:
        # 0 to 1 suits a confidence too, whose schema cannot say its bounds.
        low = schema.get("minimum", min(0, schema.get("maximum", 1) - 1))
        return float(low + self._draw(path, 5) / 4 * (schema.get("maximum", low + 1) - low))

    def _boolean(self, schema: Json, path: str) -> bool:
        return bool(self._draw(path, 2))

    def _null(self, schema: Json, path: str) -> None:
        return None

    def _draw(self, path: str, choices: int) -> int:
        digest = self._hash.copy()
        digest.update(path.encode())
        return int.from_bytes(digest.digest()[:4], "big") % choices


_AZURE_KEYWORDS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const"),
    *("anyOf", "$ref", "$defs", "description", "title"),
}
_OPENAI_KEYWORDS = {
    *_AZURE_KEYWORDS,
    *("pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "minItems", "maxItems"),
}


DIALECTS = {
    "openai": _OPENAI_KEYWORDS,
    "azure": _AZURE_KEYWORDS,
    # Servers that take enums of strings only, and among them those that follow no reference.
    "strings": _OPENAI_KEYWORDS,
    "plain": _OPENAI_KEYWORDS - {"$ref", "$defs"},
    # Takes `$defs`, but none whose parts refer to others.
    "flat": _OPENAI_KEYWORDS,
}


def strict_schema_fault(schema: Json | None, dialect: str | None) -> str | None:
    """Say why a provider's strict mode would refuse a schema, or None where it would not."""
    if schema is None or dialect is None:
        return None
    keywords = DIALECTS[dialect]
    most_properties = 100 if dialect == "azure" else 5000
    if schema.get("type") != "object":
        return "the root is not an object"
    if dialect == "flat" and "$ref" in json.dumps(schema.get("$defs", {})):
        return "$defs cannot refer to each other"
    enum_values = characters = 0
    count = _properties(schema, schema)
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        unknown = set(part) - keywords
        if unknown:
            return f"not permitted: {', '.join(sorted(unknown))}"
        if "$ref" in part and len(part) > 1:
            return "$ref cannot have other keywords beside it"
        properties = part.get("properties", {})
        if part.get("type") == "object":
            if part.get("additionalProperties") is not False:
                return "additionalProperties must be false"
            if set(part.get("required", ())) != set(properties):
                return "required must name every property"
        values = part.get("enum", ())
        if dialect in ("strings", "plain") and not all(isinstance(one, str) for one in values):
            return "enum: only allowed for strings"
        if len(values) > 250 and sum(len(str(one)) for one in values) > 15_000:
            return "an enum of more than 15000 characters"
        enum_values += len(values)
        characters += sum(len(str(one)) for one in (*properties, *part.get("$defs", ()), *values))
        waiting += [*properties.values(), *part.get("$defs", {}).values(), *part.get("anyOf", ())]
        waiting += [part["items"]] if "items" in part else []
    if count > most_properties:
        return f"more than {most_properties} properties"
    if characters > 120_000:
        return "more than 120000 characters"
    return "more than 1000 enum values" if enum_values > 1000 else None


def _properties(part: Json, root: Json) -> int:
    """Count the properties of a part, in what it refers to each time."""
    while "$ref" in part:
        part = root["$defs"][part["$ref"].rpartition("/")[2]]
    inner = [*part.get("properties", {}).values(), *part.get("anyOf", ())]
    inner += [part["items"]] if "items" in part else []
    return len(part.get("properties", ())) + sum(_properties(one, root) for one in inner)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A chat completions server on loopback.")
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument("--log", type=Path, help="append one JSON line a request")
    parser.add_argument("--model", default=MODEL, help="what replies say gave them")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that a reply takes")
    parser.add_argument("--rate", action="append", default=[], metavar="FAULT=SHARE")
    given = parser.parse_args()
    rates = {name: float(share) for name, _, share in (r.rpartition("=") for r in given.rate)}
    with LoopbackServer(
        rates=rates,
        model=given.model,
        delay_seconds=given.delay,
        port=given.port,
        log_file=given.log,
        keep=False,
    ) as server:
        print(f"OPENAI_BASE_URL={server.base_url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{server.count} requests")


if __name__ == "__main__":
    main()
