"""One item from its first request to its last cell: what is asked again, and what is not.

- A truncated reply: its cells are asked for again in two halves, down to one cell.
- A reply that is empty or cannot be read: the same cells once more.
- A cell that was left out or does not hold: that cell once more, alone.
- A refusal: recorded, not asked again.

So a cell that does not hold is asked for once more at most, and a good answer never again.
"""

from __future__ import annotations

from collections import deque

from jobforge import errors
from jobforge.executor.exchange import Question
from jobforge.executor.sending import Failed, Sender, Unasked
from jobforge.executor.work import Attempt, CellResult, Finished, WorkItem
from jobforge.replies import BadCell

__all__ = ["ask_item"]


async def ask_item(sender: Sender, item: WorkItem) -> Finished:
    """Ask for an item's cells; every one of them gets its result."""
    cells: dict[str, CellResult] = {}
    todo = deque([Question(item, item.attribute_ids)])
    while todo:
        question = todo.popleft()
        asked = await sender.ask(question)
        if isinstance(asked, Unasked):
            for attribute_id in question.attribute_ids:
                # What an earlier reply said of the cell tells more than why it is not repeated.
                cells.setdefault(attribute_id, CellResult("awaiting_llm", asked.reason))
        elif isinstance(asked, Failed):
            todo.extend(_after_failure(question, asked, cells))
        else:
            todo.extend(_after_reply(question, asked.attempt, cells))
    return Finished(item, {name: cells[name] for name in item.attribute_ids})


def _after_reply(
    question: Question, attempt: Attempt, cells: dict[str, CellResult]
) -> list[Question]:
    repeats = []
    for name in question.attribute_ids:
        cell = attempt.cells.get(name, BadCell("the reply leaves this attribute out"))
        if not isinstance(cell, BadCell):
            cells[name] = CellResult("answered", answer=cell, attempt=attempt)
            continue
        cells[name] = CellResult("failed", cell.reason, attempt=attempt)
        if question.may_repeat:
            repeats.append(Question(question.item, (name,), "alone", may_repeat=False))
    return repeats


def _after_failure(
    question: Question, failed: Failed, cells: dict[str, CellResult]
) -> list[Question]:
    names, error = question.attribute_ids, failed.error
    if isinstance(error, errors.TruncatedError) and len(names) > 1:
        middle = (len(names) + 1) // 2
        return [
            Question(question.item, half, "split", question.may_repeat)
            for half in (names[:middle], names[middle:])
        ]
    if isinstance(error, errors.RefusedError):
        result = CellResult("refused", failed.reason, attempt=failed.attempt)
    elif isinstance(error, errors.FatalApiError):
        result = CellResult("awaiting_llm", failed.reason, attempt=failed.attempt)
    else:
        result = CellResult("failed", failed.reason, attempt=failed.attempt)
    for name in names:
        if result.outcome != "awaiting_llm" or name not in cells:
            cells[name] = result
    unread = isinstance(error, errors.EmptyReplyError | errors.UnreadableReplyError)
    if unread and question.may_repeat:
        return [Question(question.item, names, "again", may_repeat=False)]
    return []
