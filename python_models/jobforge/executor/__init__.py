"""Sends many requests as fast as the server allows, and loses nothing that was paid for.

A module depends only on those to the left of it:

    work <- budgets, recording, state <- exchange <- sending <- asking <- executor <- blocking
    work <- packs
"""

from jobforge.executor.blocking import run_blocking
from jobforge.executor.budgets import CallBudget
from jobforge.executor.executor import INTERRUPTED, Executor
from jobforge.executor.packs import PackForms, PackRequest
from jobforge.executor.recording import GroupRecorder, NullRecorder
from jobforge.executor.work import (
    Attempt,
    Budget,
    CellResult,
    Denied,
    Estimate,
    Finished,
    Form,
    Recorder,
    Reservation,
    WorkItem,
)

__all__ = [
    "INTERRUPTED",
    "Attempt",
    "Budget",
    "CallBudget",
    "CellResult",
    "Denied",
    "Estimate",
    "Executor",
    "Finished",
    "Form",
    "GroupRecorder",
    "NullRecorder",
    "PackForms",
    "PackRequest",
    "Recorder",
    "Reservation",
    "WorkItem",
    "run_blocking",
]
