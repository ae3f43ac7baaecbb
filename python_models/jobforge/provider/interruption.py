"""What happens where a run is told to stop: calls that wait for a server are cut off."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["Interrupted", "interruptible"]

P = ParamSpec("P")
T = TypeVar("T")

_GRACE_SECONDS = 1.0
_LOOK_SECONDS = 0.05


class Interrupted(Exception):
    """The run was told to stop before the call had ended; it may end yet, or not."""


def interruptible(
    stop: threading.Event, call: Callable[P, T], *args: P.args, **options: P.kwargs
) -> T:
    """Return what the call returns, or raise what it raises.

    Once `stop` is set the call has a second to end; then it is left alone, in its thread.
    """
    ended: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            ended.put((call(*args, **options), None))
        except BaseException as error:  # noqa: BLE001 - it is raised where the call is waited for
            ended.put((None, error))

    threading.Thread(target=work, name="jobforge-batches", daemon=True).start()
    until: float | None = None
    while True:
        try:
            result, error = ended.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            if until is None and stop.is_set():
                until = time.monotonic() + _GRACE_SECONDS
            if until is not None and time.monotonic() > until:
                raise Interrupted from None
            continue
        if error is not None:
            raise error
        return result  # type: ignore[return-value]
