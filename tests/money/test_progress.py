"""What a run says of itself while it goes on and at its end."""

from __future__ import annotations

import io
import threading
from decimal import Decimal
from typing import Any

import pytest
from jobforge.money.prices import Usage
from jobforge.progress import Progress
from jobforge.reasons import Reason, ReasonCode
from jobforge.summary import GO_ON
from support.waiting import HANG_SECONDS, Clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def progress(**more: Any) -> tuple[Progress, Clock, list[str]]:
    clock, lines = Clock(), list[str]()
    return Progress(lines.append, clock=clock, terminal=io.StringIO(), **more), clock, lines


def test_a_line_comes_at_intervals_with_rate_cost_and_time_left() -> None:
    """Done, left, rate, cost so far and time left, and no line before its time."""
    one, clock, lines = progress(total=1000)
    one.begin()
    one.answered("asked now", 100, asked=True)
    assert lines == []
    one.attempted(Usage(1000, 100), Usage(1100, 90), Decimal("0.42"))
    clock.now = 10
    one.answered("asked now", 100, asked=True)
    one.answered("asked now", 100, asked=True)
    assert lines == [
        "LLM so far: 200 of 1,000 (20%) cells, 20.0 a second, 0.42 USD so far,"
        " about 0 min 40 s left"
    ]


def test_what_was_there_before_is_not_in_the_rate() -> None:
    """The rate is that of cells that were asked for, since the first of them was begun."""
    one, clock, lines = progress(total=4800)
    one.answered("from the ledger", 4500)
    clock.now = 4
    one.begin()
    one.unanswered("refused", Reason(ReasonCode.REFUSED, "refused: earlier"), 20)
    clock.now = 12
    one.begin()
    one.answered("asked now", 80, asked=True)
    assert lines == ["LLM so far: 4,600 of 4,800 (96%) cells, 10.0 a second, about 0 min 20 s left"]


def test_a_line_comes_also_while_nothing_is_done() -> None:
    """A run that waits says at its intervals how far it is, and nothing after its end."""
    one, clock, lines = progress(total=10)
    one.begin()
    for clock.now in (5, 10, 15, 20):
        one.tick()
    assert lines == ["LLM so far: 0 of 10 (0%) cells, 0.0 a second"] * 2
    one.finish()
    clock.now = 40
    one.tick()
    assert len(lines) == 2


def test_ticks_come_from_a_thread_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a run ticks its lines come without anybody's doing, and then no more."""
    monkeypatch.setattr("jobforge.progress._TICK_SECONDS", 0.001)
    one, clock, lines = progress(total=10)
    said = threading.Event()
    monkeypatch.setattr(one, "_log", lambda line: (lines.append(line), said.set()))
    with one.ticking():
        clock.now = 10
        assert said.wait(HANG_SECONDS)
    assert lines == ["LLM so far: 0 of 10 (0%) cells"]
    assert "jobforge-progress" not in {thread.name for thread in threading.enumerate()}


def test_without_a_total_no_time_is_promised() -> None:
    """What is not known is not said, and without asking there is no rate."""
    one, clock, lines = progress()
    clock.now = 12
    one.answered("from the ledger", 60)
    assert lines == ["LLM so far: 60 cells"]
    one.begin()
    clock.now = 22
    one.answered("asked now", 50, asked=True)
    assert lines[1:] == ["LLM so far: 110 cells, 5.0 a second"]


def test_the_summary_says_what_came_of_every_cell_and_what_to_do() -> None:
    """Filled and from where, refused, failed, waiting with reasons, cost, estimate, next step."""
    one, clock, lines = progress()
    one.answered("from the ledger", 50)
    one.answered("asked now", 30)
    one.unanswered("refused", Reason(ReasonCode.REFUSED, "refused: not for me"), 2)
    one.unanswered("failed", Reason(ReasonCode.TRUNCATED, "truncated"), 3)
    one.unanswered("awaiting_llm", Reason(ReasonCode.CAP_COST, "the cap of 5 USD was reached"), 15)
    one.attempted(Usage(1000, 100, 800), Usage(1100, 90), Decimal("0.10"))
    one.attempted(None, Usage(1100, 90), None)
    clock.now = 7
    summary = one.finish()
    text = lines[-1]
    assert text.startswith(
        "LLM done: 80 answered (50 from the ledger, 30 asked now), 2 refused, 3 failed,"
        " 15 waiting (100 cells)"
    )
    assert "2 calls in 7 s, 1,000 tokens in, 800 of them cached, 100 out, 0.10 USD" in text
    assert "0.10 USD, and 1 call whose tokens nobody knows; estimate" in text
    assert "estimate +10% in, -10% out" in text
    assert "15 cells waiting: the cap of 5 USD was reached" in text
    assert summary.cost_usd == Decimal("0.10")


@pytest.mark.parametrize(
    ("codes", "steps"),
    [
        (
            [("awaiting_llm", ReasonCode.CAP_COST)],
            [f"raise llm_max_cost_usd, or {GO_ON}"],
        ),
        (
            [
                ("awaiting_llm", ReasonCode.CAP_CALLS),
                ("awaiting_llm", ReasonCode.TOO_LARGE_TOKENS),
                ("awaiting_llm", ReasonCode.IN_BATCH),
            ],
            [f"raise llm_max_calls or llm_max_tokens, or {GO_ON}"],
        ),
        (
            [("awaiting_llm", ReasonCode.IN_BATCH)],
            ["a later `dbt build` collects what is in batches"],
        ),
        ([("awaiting_llm", ReasonCode.INTERRUPTED)], [GO_ON]),
        (
            [("awaiting_llm", ReasonCode.REQUEST_REJECTED)],
            [
                GO_ON,
                "`jobforge doctor --call` finds the vars with which the server takes what a run"
                " sends",
            ],
        ),
        ([("awaiting_llm", ReasonCode.IN_BATCH), ("awaiting_llm", ReasonCode.OTHER_RUN)], [GO_ON]),
        (
            [
                ("refused", ReasonCode.REFUSED),
                ("failed", ReasonCode.TRUNCATED),
                ("awaiting_llm", ReasonCode.IN_BATCH),
            ],
            [
                "a later `dbt build` collects what is in batches",
                "`dbt build` asks again for what failed; llm_reask_refused: true asks again for"
                " what was refused",
            ],
        ),
    ],
)
def test_the_next_step_fits_the_codes(
    codes: list[tuple[str, ReasonCode]], steps: list[str]
) -> None:
    """Whatever the sentences are: a cap, a batch, a stop, a failure and a refusal have advice."""
    one, _, lines = progress()
    for outcome, code in codes:
        one.unanswered(outcome, Reason(code, "in batch b: raise llm_words"))
    one.finish()
    assert [line for line in lines[-1].splitlines() if "next:" in line] == [
        f"  next: {step}" for step in steps
    ]


def test_the_run_knows_best_what_to_do_next() -> None:
    """What the run advises goes before what the reasons say."""
    one, _, lines = progress()
    one.unanswered("awaiting_llm", Reason(ReasonCode.CAP_CALLS, "the cap"))
    one.advise("do this")
    one.finish()
    assert lines[-1].endswith("  next: do this")


def test_one_of_a_kind_is_no_plural() -> None:
    """1 call, 1 cell, 1 other reason."""
    one, _, lines = progress()
    one.attempted(Usage(1, 1), None, Decimal(1))
    for number in range(6):
        one.unanswered("failed", Reason(ReasonCode.UNREADABLE, f"reason {number}"))
    one.finish()
    for words in ("1 call in", "1 token in", "  1 cell failed: ", "  1 cell for 1 other reason\n"):
        assert words in lines[-1]


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
        one.unanswered("failed", Reason(ReasonCode.UNREADABLE, f"reason {number}"), 10 - number)
    one.finish()
    assert lines[-1].count("\n") == 7
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
