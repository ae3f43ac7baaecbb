"""What a run says of itself while it goes on and at its end."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

from jobforge.prices import Usage
from jobforge.progress import Progress


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def progress(**more: Any) -> tuple[Progress, Clock, list[str]]:
    clock, lines = Clock(), list[str]()
    return Progress(lines.append, clock=clock, terminal=io.StringIO(), **more), clock, lines


def test_a_line_comes_at_intervals_with_rate_cost_and_time_left() -> None:
    """Done, left, rate, cost so far and time left, and no line before its time."""
    one, clock, lines = progress(total=1000)
    one.answered("asked now", 100)
    assert lines == []
    one.attempted(Usage(1000, 100), Usage(1100, 90), Decimal("0.42"))
    clock.now = 10
    one.answered("asked now", 100)
    one.answered("asked now", 100)
    assert lines == [
        "LLM so far: 200 of 1,000 (20%) cells, 20.0 a second, 0.42 USD so far,"
        " about 0 min 40 s left"
    ]


def test_without_a_total_no_time_is_promised() -> None:
    """What is not known is not said."""
    one, clock, lines = progress()
    clock.now = 12
    one.answered("from the ledger", 60)
    assert lines == ["LLM so far: 60 cells, 5.0 a second"]


def test_the_summary_says_what_came_of_every_cell_and_what_to_do() -> None:
    """Filled and from where, refused, failed, waiting with reasons, cost, estimate, next step."""
    one, clock, lines = progress()
    one.answered("from the ledger", 50)
    one.answered("asked now", 30)
    one.unanswered("refused", "refused: not for me", 2)
    one.unanswered("failed", "truncated", 3)
    one.unanswered("awaiting_llm", "the cap of 5 USD was reached", 15)
    one.attempted(Usage(1000, 100, 800), Usage(1100, 90), Decimal("0.10"))
    one.attempted(None, Usage(1100, 90), Decimal("0.05"))
    clock.now = 7
    summary = one.finish()
    text = lines[-1]
    assert text.startswith(
        "LLM done: 80 answered (50 from the ledger, 30 asked now), 2 refused, 3 failed,"
        " 15 waiting (100 cells)"
    )
    assert "2 calls in 7 s, 1,000 tokens in, 800 of them cached, 100 out, 0.15 USD" in text
    assert "estimate +10% in, -10% out" in text
    assert "15 cells waiting: the cap of 5 USD was reached" in text
    assert "dbt build" in text
    assert summary.cost_usd == Decimal("0.15")


def test_a_cost_that_is_partly_unknown_is_not_said_as_known() -> None:
    """One reply without a price makes the sum unknown."""
    one, _, lines = progress()
    one.answered("asked now")
    one.attempted(Usage(10, 1), None, Decimal("0.10"))
    one.attempted(Usage(10, 1), None, None)
    assert one.finish().cost_usd is None
    assert "cost not known" in lines[-1]


def test_many_reasons_are_summed_up() -> None:
    """The end of a run stays readable."""
    one, _, lines = progress()
    for number in range(9):
        one.unanswered("failed", f"reason {number}", 10 - number)
    one.finish()
    assert lines[-1].count("\n") == 6
    assert "14 cells for 4 other reasons" in lines[-1]


def test_a_run_without_cells_says_nothing() -> None:
    """Silence where nothing was to be done."""
    one, _, lines = progress()
    one.finish()
    assert lines == []


def test_a_bar_is_drawn_on_a_terminal_only() -> None:
    """No log file fills with a bar, and the bar is gone at the end."""
    terminal, clock, file = Terminal(), Clock(), io.StringIO()
    for stream in (terminal, file):
        one = Progress(lambda line: None, total=10, clock=clock, terminal=stream)
        clock.now += 1
        one.answered("asked now", 5)
        one.finish()
    assert "5/10" in terminal.getvalue()
    assert file.getvalue() == ""
