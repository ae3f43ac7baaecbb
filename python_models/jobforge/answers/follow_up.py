"""What becomes of a reply that is no answer: decided here, for a live run and for batches.

| what came back              | a live run                    | batches                           |
|-----------------------------|-------------------------------|-----------------------------------|
| truncated, several cells    | two halves, at once           | two halves, in the next batch     |
| truncated, one cell         | failed                        | failed                            |
| truncated before the answer | failed: halves would meet the | failed                            |
| began                       | same                          |                                   |
| empty or unreadable         | failed, and the same cells    | two halves, in the next batch;    |
|                             | once more                     | one cell: failed                  |
| no cell of several holds    | failed: what is wrong is not  | as below                          |
|                             | in the cells                  |                                   |
| a cell left out, or a value | failed, and that cell once    | that cell alone, in the next      |
| that the attribute has not  | more, alone                   | batch; asked alone: failed        |
| refused                     | refused                       | refused                           |
| a fault that passes         | failed, after the retries     | an earlier run's: asked again;    |
|                             |                               | this run's: failed, but what was  |
|                             |                               | never sent is sent again once,    |
|                             |                               | then waits for the next run       |
| a fault of every call       | waits; nothing more is sent   | failed; nothing more is sent      |
| the request is rejected     | waits; its pack is closed     | failed; where all of a batch were |
|                             | after three                   | rejected nothing more is sent     |
| too long for the model      | failed                        | failed                            |

Failed cells are asked again by the next run, but what failed in the same way twice only once the
request has changed, or where `llm_reask_failed` says so (`failures`); refused ones where
`llm_reask_refused` does. A live run that gets one reply after another without a cell that holds
stops: `state` counts them.

Why they differ: a live reply is there in seconds, so the very same request is worth one more try,
and a cell that does not hold costs one small request; the cell is "failed" until that try says
better. A batch is there within a day, so what may be too large is halved at once, whatever the
fault was, and the tries are bounded by the halves getting smaller. A passing fault was retried for
minutes by the time a live run meets it here; a batch has no retries but the next batch, so what an
earlier run sent is simply open again, and only what this run sent itself is given up, so that a run
that waits does not send for ever. A fault of every call reaches a live run before it was worth
anything, and its cells wait; in a batch it is what came of a request that was sent, so the cell
failed. What another model was asked says nothing of this run's model.

Nothing here waits, sends or writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jobforge import errors
from jobforge.answers.outcomes import OutcomeKind

__all__ = ["Again", "Error", "Purpose", "Verdict", "after_batch", "after_cells", "after_live"]

Error = errors.ApiError | errors.ReplyError
Purpose = Literal["first", "split", "again", "alone"]

_UNREAD = (errors.EmptyReplyError, errors.UnreadableReplyError)


@dataclass(frozen=True, slots=True)
class Again:
    """Some cells that a live run asks for once more, and whether they may be repeated after that.

    purpose: `split`, a half of what was truncated; `again`, the whole of what could not be read;
    `alone`, one cell that was left out or did not hold.
    """

    attribute_ids: tuple[str, ...]
    purpose: Purpose
    may_repeat: bool


def after_live(
    error: Error, attribute_ids: tuple[str, ...], *, may_repeat: bool
) -> tuple[OutcomeKind | None, list[Again]]:
    """Return what the cells of a failed request are for now, and what is asked next.

    None where they are not to be judged before their halves are.
    """
    if isinstance(error, errors.TruncatedError) and len(attribute_ids) > 1:
        middle = half(len(attribute_ids))
        parts = (attribute_ids[:middle], attribute_ids[middle:])
        return None, [Again(part, "split", may_repeat) for part in parts]
    if isinstance(error, errors.RefusedError):
        return "refused", []
    if isinstance(error, errors.FatalApiError):
        return "awaiting_llm", []
    if isinstance(error, _UNREAD) and may_repeat:
        return "failed", [Again(attribute_ids, "again", may_repeat=False)]
    return "failed", []


def after_cells(bad: tuple[str, ...], *, is_fruitless: bool, may_repeat: bool) -> list[Again]:
    """Return what a live run asks next where these cells of a reply do not hold.

    is_fruitless: no other cell of it does.
    """
    if not may_repeat or not bad:
        return []
    if is_fruitless and len(bad) > 1:
        return []
    return [Again((name,), "alone", may_repeat=False) for name in bad]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the cells of a batch's request that got no answer.

    together: with how many they are asked again; 0 where that is not bounded.
    given_up: they are not asked again by this run. once: they are sent again, and only once.
    ends: `batch` where nothing more is sent if every request of the batch met it, `run` where
        nothing more is sent in any case.
    """

    together: int = 0
    given_up: bool = False
    once: bool = False
    ends: Literal["nothing", "batch", "run"] = "nothing"


def after_batch(
    error: Error | None,
    cells: int,
    *,
    is_ours: bool,
    may_send_again: bool,
    is_same_model: bool,
) -> Verdict:
    """Return what becomes of the cells of one request of a batch.

    error: None for a reply that could be read, in which a cell does not hold. cells: how many the
    request asked for. is_ours: this run sent it. may_send_again: the model was never asked, and
    that has not happened to these cells before. is_same_model: this run asks the same model.
    """
    if isinstance(error, errors.UnbegunError):
        return Verdict(given_up=True)
    if error is None or isinstance(error, (errors.TruncatedError, *_UNREAD)):
        if cells == 1:
            return Verdict(given_up=True)
        return Verdict(together=1 if error is None else half(cells))
    if isinstance(error, errors.RefusedError):
        return Verdict()
    if isinstance(error, errors.TransientApiError):
        return Verdict(given_up=is_ours and not may_send_again, once=is_ours and may_send_again)
    if not is_same_model:
        return Verdict()
    if isinstance(error, errors.RequestRejectedError):
        return Verdict(given_up=True, ends="batch")
    is_fatal = isinstance(error, errors.FatalApiError)
    return Verdict(given_up=True, ends="run" if is_fatal else "nothing")


def half(cells: int) -> int:
    """Return how many cells the first and larger half of a request has."""
    return (cells + 1) // 2
