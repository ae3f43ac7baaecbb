"""A clock of this machine that only goes on, also while the machine sleeps, where there is one."""

from __future__ import annotations

import time

__all__ = ["steady_seconds"]


def steady_seconds() -> float:
    """Return seconds since some moment that all processes of this boot share."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
