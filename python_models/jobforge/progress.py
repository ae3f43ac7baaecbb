"""What a run says of itself on its way: a line now and then, and a bar on a terminal.

A line goes through a callback, because dbt's log is the caller's. The bar is drawn only where
stderr is a terminal, so that no log file fills with it. Safe for threads.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TextIO

from jobforge.money.prices import Usage, usd
from jobforge.reasons import Reason
from jobforge.summary import Summary

__all__ = ["Progress"]

Log = Callable[[str], None]


_TICK_SECONDS = 1.0
_SECONDS_BETWEEN_DRAWINGS = 0.2


class Progress:
    """Counts what is done and says so; one of these for a run.

    The rate is that of the cells that are asked for, since the first of them was begun: what was
    there before tells nothing of the time that is left.

    total: cells in all, where they are known before.
    seconds: at least so long between two lines.
    """

    def __init__(
        self,
        log: Log,
        *,
        total: int | None = None,
        seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        terminal: TextIO | None = None,
    ) -> None:
        self._log = log
        self._total = total
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._started = self._last_line = clock()
        self._answered: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, Reason]] = Counter()
        self._cells = self._asked = self._calls = self._untold = 0
        self._begun: float | None = None
        self._advice: str | None = None
        self._ended = False
        self._usage = self._estimated = Usage()
        self._cost: Decimal | None = Decimal(0)
        stream = terminal or sys.stderr
        self._bar = _Bar(stream, total, clock) if stream.isatty() else None

    def begin(self) -> None:
        """Note that cells are asked for from now on, where that was not noted before."""
        with self._lock:
            if self._begun is None:
                self._begun = self._clock()

    def answered(self, origin: str, cells: int = 1, *, asked: bool = False) -> None:
        """Count cells that have an answer; `origin` says where from, such as `asked now`."""
        self._add(cells, asked, lambda: self._answered.update({origin: cells}))

    def unanswered(
        self, outcome: str, reason: Reason, cells: int = 1, *, asked: bool = False
    ) -> None:
        """Count cells that are refused, failed or awaiting_llm, and why."""
        self._add(cells, asked, lambda: self._reasons.update({(outcome, reason): cells}))

    def advise(self, step: str) -> None:
        """Say in the summary what to do next, whatever the reasons are."""
        self._advice = step

    def tick(self) -> None:
        """Say how far the run is, where that was not said for a while."""
        self._add(0, False, lambda: None)

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Tick every second from a thread of its own, also while no cell is done."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(_TICK_SECONDS):
                self.tick()

        ticker = threading.Thread(target=work, name="jobforge-progress", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()

    def attempted(
        self, usage: Usage | None, estimated: Usage | None, cost_usd: Decimal | None
    ) -> None:
        """Count one request that was sent; a usage of None is not known."""
        with self._lock:
            self._calls += 1
            if usage is None:
                self._untold += 1
            else:
                self._usage += usage
                if estimated is not None:
                    self._estimated += estimated
                if cost_usd is None:
                    self._cost = None
            if cost_usd is not None and self._cost is not None:
                self._cost += cost_usd

    def finish(self) -> Summary:
        """End the bar, say the summary, and return it."""
        if self._bar is not None:
            self._bar.close()
        with self._lock:
            self._ended = True
            summary = Summary(
                answered=dict(self._answered),
                reasons=dict(self._reasons),
                calls=self._calls,
                usage=self._usage,
                estimated=self._estimated,
                cost_usd=self._cost,
                seconds=self._clock() - self._started,
                untold=self._untold,
                advice=self._advice,
            )
        lines = summary.lines()
        if lines:
            self._log("\n".join(lines))
        return summary

    def _add(self, cells: int, asked: bool, add: Callable[[], None]) -> None:
        with self._lock:
            add()
            self._cells += cells
            self._asked += cells if asked else 0
            now = self._clock()
            line = None
            if now - self._last_line >= self._seconds and not self._ended:
                self._last_line = now
                line = self._line(now)
            if self._bar is not None:
                self._bar.show(self._cells, now)
        if line:
            self._log(line)

    def _line(self, now: float) -> str:
        of = f" of {self._total:,} ({self._cells / self._total:.0%})" if self._total else ""
        parts = [f"LLM so far: {self._cells:,}{of} cells"]
        rate = 0.0
        if self._begun is not None and now > self._begun:
            rate = self._asked / (now - self._begun)
            parts.append(f"{rate:,.1f} a second")
        if self._calls:
            parts.append("cost not known" if self._cost is None else f"{usd(self._cost)} so far")
        if self._total and rate:
            parts.append(f"about {_clock((self._total - self._cells) / rate)} left")
        return ", ".join(parts)


class _Bar:
    """A bar on a terminal, redrawn five times a second at most and gone at the end."""

    def __init__(self, stream: TextIO, total: int | None, clock: Callable[[], float]) -> None:
        # Read only here: a run without a terminal does not wait for it.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._drawn_at = clock()
        self._bar = RichProgress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("cells", total=total)
        self._bar.start()

    def show(self, done: int, now: float) -> None:
        """Draw the bar, unless it was drawn just now."""
        if now - self._drawn_at >= _SECONDS_BETWEEN_DRAWINGS:
            self._drawn_at = now
            self._bar.update(self._task, completed=done, refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
