"""Who asks which cell: claims that end by themselves when their run dies.

A claim is taken first and checked afterwards, in one transaction. An answer is written together
with the end of its claim, so whoever gets hold of a claim that has just ended sees the answer.

No clock of the day decides who is dead: it may be set, and machines differ. A run that lives moves
a counter on; whoever wants its cells watches that counter, and declares the run dead where it
stood still for so long by the watcher's own clock, which only goes on. How long it had stood still
before the watch began is told by the steady clock (see the dialects): a run that looks once and
does not wait can take over what died long ago. A run that was declared dead has no claim any more,
learns so at its next beat, and has to claim again before it sends.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    delete,
    or_,
    select,
    update,
)

from jobforge.ledger.dialects import Dialect
from jobforge.ledger.rows import to_micros
from jobforge.ledger.tables import answer, attempt, claim, claimant, pending_cell
from jobforge.ledger.texts import chunks

__all__ = ["Watch", "find_held", "find_pending", "release", "renew", "take"]

_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_HELD = select(claim.c.cell_key).where(
    claim.c.run_id == bindparam("run"), claim.c.cell_key.in_(_KEYS)
)
_GIVE_UP = delete(claim).where(claim.c.run_id == bindparam("run"), claim.c.cell_key.in_(_KEYS))
_PENDING = select(pending_cell.c.cell_key, pending_cell.c.local_id).where(
    pending_cell.c.cell_key.in_(_KEYS)
)
_SETTLED = (
    select(answer.c.cell_key, answer.c.evidence_hash, answer.c.outcome, attempt.c.received_at)
    .join_from(answer, attempt)
    .where(answer.c.cell_key.in_(_KEYS))
)


class Watch:
    """How long the counters of other runs have stood still, by this process's own clock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def dead(self, beats: Mapping[str, tuple[int, float]], ttl: timedelta) -> set[str]:
        """Return the runs whose counter has not moved for that long.

        beats: of all runs the counter, and the seconds since it was moved, which count where the
            run was not seen before.
        """
        now = _now()
        with self._lock:
            seen = {}
            for run_id, (beat, age) in beats.items():
                before = self._seen.get(run_id)
                if before is None:
                    seen[run_id] = (beat, now - age)
                else:
                    seen[run_id] = before if before[0] == beat else (beat, now)
            self._seen = seen
        return {run_id for run_id, (_, at) in seen.items() if now - at >= ttl.total_seconds()}


def take(
    connection: Connection,
    dialect: Dialect,
    watch: Watch,
    cell_keys: Iterable[str],
    *,
    run_id: str,
    ttl: timedelta,
    evidence: Mapping[str, str] | None,
    refused_before: datetime | None,
) -> set[str]:
    """Claim what is free and unsettled, in one order for all processes; return it."""
    # A statement that waited for another's row would judge it by who lived when it began.
    dialect.lock_claims(connection)
    steady = dialect.steady(connection)
    live = dialect.insert(claimant).on_conflict_do_nothing()
    connection.execute(live, {"run_id": run_id, "beat": 0, "beaten_at": steady})
    others = connection.execute(select(claimant).where(claimant.c.run_id != run_id))
    dead = watch.dead(
        {row.run_id: (row.beat, _age(dialect, steady - row.beaten_at)) for row in others}, ttl
    )
    if dead:
        connection.execute(delete(claimant).where(claimant.c.run_id.in_(sorted(dead))))
    statement = dialect.insert(claim)
    statement = statement.on_conflict_do_update(
        index_elements=[claim.c.cell_key],
        set_={"run_id": statement.excluded.run_id},
        where=or_(
            claim.c.run_id == statement.excluded.run_id,
            claim.c.run_id.not_in(select(claimant.c.run_id)),
        ),
    )
    asked_again = None if refused_before is None else to_micros(refused_before)
    taken: set[str] = set()
    for chunk in chunks(sorted(set(cell_keys))):
        rows = [{"cell_key": key, "run_id": run_id, "expires_at": 0} for key in chunk]
        connection.execute(statement, rows)
        mine = find_held(connection, run_id, chunk)
        barred = set(find_pending(connection, chunk))
        for row in connection.execute(_SETTLED, {"keys": chunk}):
            if _settles(row, evidence, asked_again):
                barred.add(row[0])
        if mine & barred:
            connection.execute(_GIVE_UP, {"run": run_id, "keys": sorted(mine & barred)})
        taken |= mine - barred
    return taken


def _age(dialect: Dialect, micros: int) -> float:
    """Return the seconds since a beat; for ever where the clock began anew since."""
    if micros < 0:
        return math.inf if dialect.restarts else 0.0
    return micros / 1_000_000


def _settles(
    row: Sequence[Any], evidence: Mapping[str, str] | None, refused_before: int | None
) -> bool:
    key, asked_with, outcome, received_at = row
    if refused_before is not None and outcome == "refused" and received_at < refused_before:
        return False
    return evidence is None or evidence.get(key, asked_with) == asked_with


def find_held(connection: Connection, run_id: str, cell_keys: Iterable[str]) -> set[str]:
    """Return those of the cells that the run has claimed."""
    held: set[str] = set()
    for chunk in chunks(cell_keys):
        held.update(connection.execute(_HELD, {"run": run_id, "keys": chunk}).scalars())
    return held


def find_pending(connection: Connection, cell_keys: Iterable[str]) -> dict[str, str]:
    """Return the local id of the batch in which each of the cells waits that does."""
    waiting: dict[str, str] = {}
    for chunk in chunks(cell_keys):
        rows = connection.execute(_PENDING, {"keys": chunk})
        waiting.update((row[0], row[1]) for row in rows)
    return waiting


def renew(connection: Connection, dialect: Dialect, run_id: str) -> bool:
    """Move the run's counter on; return whether nobody declared it dead meanwhile."""
    beat = {"beat": claimant.c.beat + 1, "beaten_at": dialect.steady(connection)}
    statement = update(claimant).where(claimant.c.run_id == run_id).values(beat)
    return connection.execute(statement).rowcount > 0


def release(connection: Connection, run_id: str, cell_keys: Iterable[str] | None) -> None:
    """End the run's claims on these cells, or all of them and the run's own row."""
    if cell_keys is None:
        connection.execute(delete(claim).where(claim.c.run_id == run_id))
        connection.execute(delete(claimant).where(claimant.c.run_id == run_id))
        return
    for chunk in chunks(sorted(set(cell_keys))):
        connection.execute(_GIVE_UP, {"run": run_id, "keys": chunk})


def _now() -> float:
    return time.monotonic()
