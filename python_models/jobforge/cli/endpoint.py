"""Does the address answer, and does it know the model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from jobforge.errors import ApiError, ReplyError
from jobforge.provider.client import get_reply, openai_client
from jobforge.provider.completions import Reply
from jobforge.provider.connection import Connection
from jobforge.provider.interruption import Interrupted, interruptible
from jobforge.provider.models import ModelFacts
from jobforge.redaction import redact

__all__ = ["Check", "check_endpoint"]

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what was found."""

    name: str
    state: Literal["ok", "note", "problem"]
    says: str


def check_endpoint(connection: Connection, model: str) -> Iterator[Check]:
    """Yield whether the address answers and knows the model, by its list of models."""
    client = openai_client(connection, _SECONDS, of_account=True)
    models = client.with_options(max_retries=0).models
    try:
        reply = _in_time(lambda: get_reply(models.with_raw_response.list, connection, _SECONDS))
    except (ApiError, ReplyError) as error:
        yield Check("endpoint", "problem", str(error))
        return
    except Interrupted:
        yield Check("endpoint", "problem", f"no whole reply within {_SECONDS:g} seconds")
        return
    if reply.status in (401, 403):
        says = f"rejects the key ({reply.status}): set OPENAI_API_KEY"
        yield Check("endpoint", "problem", says)
        return
    if not 200 <= reply.status < 300:
        yield Check("endpoint", "note", f"answers, without a list of models ({reply.status})")
        return
    known = _models(reply.body)
    if known is None:
        says = "answers, but not with JSON: OPENAI_BASE_URL is not an API's address"
        yield Check("endpoint", "problem", says)
        return
    yield Check("endpoint", "ok", "answers")
    if not known:
        yield Check("model", "note", f"{model}: the server does not list its models")
    elif model in known:
        yield Check("model", "ok", f"{model} is known")
        today = datetime.now(UTC).date()
        facts = ModelFacts(model, known[model])
        said = facts.end(today)
        if said is not None:
            ended = facts.is_shut_down(today)
            yield Check("model", "problem" if ended else "note", f"the server says: {said}")
    else:
        some = redact(", ".join(sorted(known)[:5]), connection.secrets)
        yield Check("model", "problem", f"{model} is not known (set llm_model); some are: {some}")


def _in_time(call: Callable[[], Reply]) -> Reply:
    """Return the reply, or raise Interrupted: a time-out of the client is one of each read."""
    late = threading.Event()
    timer = threading.Timer(_SECONDS, late.set)
    timer.start()
    try:
        return interruptible(late, call)
    finally:
        timer.cancel()


def _models(body: bytes) -> dict[str, date | None] | None:
    """Return the models that a reply lists, each with its last day where the server tells it.

    None where it is no JSON.
    """
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    try:
        return {str(entry["id"]): _day(entry.get("shutdown_date")) for entry in listed["data"]}
    except (KeyError, TypeError, AttributeError):
        return {}


def _day(given: object) -> date | None:
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        return None
