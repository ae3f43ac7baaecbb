"""One request out and its reply in: the attempt that is recorded."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobforge import errors
from jobforge.answers.attempts import Attempt, CameBack, read_reply, status_of
from jobforge.answers.follow_up import Error
from jobforge.limiter import asked_wait
from jobforge.live.item import Question
from jobforge.live.state import RunState
from jobforge.provider.completions import Reply
from jobforge.provider.transport import Transport
from jobforge.requests.forms import Form

__all__ = ["Exchange", "Exchanged"]

# English and JSON take 3 to 5 bytes a token, the most generous vocabularies below 8.
_MOST_BYTES_PER_TOKEN = 12


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What came of one sending; wait: the seconds that the server asks to wait."""

    attempt: Attempt
    headers: Mapping[str, str]
    wait: float | None


class Exchange:
    """Sends forms through a transport and reads what comes back.

    model: what is asked for, for messages. secrets: what no message may show.
    """

    def __init__(
        self, *, transport: Transport, state: RunState, model: str, secrets: Iterable[str] = ()
    ) -> None:
        self._transport = transport
        self._state = state
        self._model = model
        self._secrets = tuple(secrets)
        # One random part a run: asking the system for each attempt is slow in a container.
        self._run = uuid.uuid4().hex
        self._count = itertools.count(1)

    async def send(self, question: Question, form: Form, number: int) -> Exchanged:
        """Send once; a run that is interrupted cuts it off, and the attempt says so."""
        sent_at, started = datetime.now(UTC), time.perf_counter()
        reply, error, interrupted = await self._send(form)
        latency = reply.latency if reply else time.perf_counter() - started
        if reply is not None:
            came = read_reply(
                reply,
                self._model,
                self._secrets,
                question.attributes,
                form.schema_form,
                with_rationale=form.with_rationale,
            )
        else:
            came = CameBack(
                attribute_ids=question.attribute_ids,
                status="interrupted" if interrupted else status_of(error),
                error=error,
                http_status=error.status if error else None,
            )
        if came.usage is not None and came.error is None:
            self._look_for_a_cut(form, came.usage.prompt_tokens)
        attempt = Attempt.of(
            came,
            attempt_id=f"{self._run}-{next(self._count)}",
            keyed=question.keyed,
            purpose=question.purpose,
            number=number,
            form=form,
            sent_at=sent_at,
            received_at=datetime.now(UTC),
            latency=latency,
        )
        headers = reply.headers if reply else {}
        wait = came.wait if isinstance(came.error, errors.TransientApiError) else None
        return Exchanged(attempt, headers, asked_wait(headers) if wait is None else wait)

    def _look_for_a_cut(self, form: Form, tokens: int) -> None:
        """Say where a server counts fewer tokens than any tokeniser makes of the prompt."""
        size = sum(
            len(text.encode("utf-8", "replace")) for text in (form.texts.system, form.texts.user)
        )
        if 0 < tokens * _MOST_BYTES_PER_TOKEN < size:
            self._state.say_once(
                "cut",
                f"LLM: the server counted {tokens:,} tokens of a prompt of {size:,} bytes: it may"
                " cut prompts to its context without saying so. Raise the server's context"
                " length, or lower llm_attributes_per_call, llm_known_attributes and"
                " llm_comparable_jobs; the answers are kept as they are",
            )

    async def _send(self, form: Form) -> tuple[Reply | None, Error | None, bool]:
        scope = self._state.scope()
        try:
            async with scope:
                return await self._transport.send(form.body), None, False
        except TimeoutError:
            return None, None, True
        except (errors.ApiError, errors.ReplyError) as error:
            return None, error, False
        finally:
            self._state.leave(scope)
