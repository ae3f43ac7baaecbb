"""What a run came to, in a few lines, with what to do next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from jobforge.money.calibration import relative_error
from jobforge.money.prices import Usage, usd
from jobforge.reasons import Reason, ReasonCode

__all__ = ["GO_ON", "Summary"]

GO_ON = "`dbt build` goes on where this run ended; nothing is asked twice"
_COLLECT = "a later `dbt build` collects what is in batches"
_TRY_OUT = "`jobforge doctor --call` finds the vars with which the server takes what a run sends"
_WORDS = {"refused": "refused", "failed": "failed", "awaiting_llm": "waiting"}
_CAPS = {
    ReasonCode.CAP_CALLS: "llm_max_calls",
    ReasonCode.CAP_TOKENS: "llm_max_tokens",
    ReasonCode.CAP_COST: "llm_max_cost_usd",
    ReasonCode.TOO_LARGE_TOKENS: "llm_max_tokens",
    ReasonCode.TOO_LARGE_COST: "llm_max_cost_usd",
}
_REASONS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to.

    answered: cells with an answer, by where it came from.
    reasons: cells that have none, by outcome (refused, failed, awaiting_llm) and reason.
    usage, estimated: of the attempts whose usage the server told, as counted and as planned.
    untold: calls whose usage it did not tell.
    cost_usd: None where the model has no price.
    advice: what to do next, where the run knows it better than the reasons do.
    """

    answered: dict[str, int]
    reasons: dict[tuple[str, Reason], int]
    calls: int
    usage: Usage
    estimated: Usage
    cost_usd: Decimal | None
    seconds: float
    untold: int = 0
    advice: str | None = None

    def lines(self) -> list[str]:
        """Return the summary for people, with what to do next."""
        answered = sum(self.answered.values())
        open_cells = sum(self.reasons.values())
        if not answered + open_cells:
            return []
        counts: Counter[str] = Counter()
        for (outcome, _), cells in self.reasons.items():
            counts[outcome] += cells
        parts = [f"{answered:,} answered" + self._origins()]
        parts += [f"{counts[name]:,} {word}" for name, word in _WORDS.items() if counts[name]]
        lines = [f"LLM done: {', '.join(parts)} ({_count(answered + open_cells, 'cell')})"]
        if self.calls:
            lines.append(self._spent())
        ranked = sorted(self.reasons.items(), key=_rank)
        lines += [
            f"  {_count(cells, 'cell')} {_WORDS.get(outcome, outcome)}: {reason}"
            for (outcome, reason), cells in ranked[:_REASONS_SHOWN]
        ]
        if len(ranked) > _REASONS_SHOWN:
            rest = sum(cells for _, cells in ranked[_REASONS_SHOWN:])
            others = _count(len(ranked) - _REASONS_SHOWN, "other reason")
            lines.append(f"  {_count(rest, 'cell')} for {others}")
        return lines + [f"  next: {step}" for step in self._steps(counts)]

    def _steps(self, counts: Counter[str]) -> list[str]:
        steps = []
        if self.advice or counts["awaiting_llm"]:
            steps.append(self.advice or self._waiting())
        if any(reason.code is ReasonCode.REQUEST_REJECTED for _, reason in self.reasons):
            steps.append(_TRY_OUT)
        again = []
        if counts["failed"]:
            again.append("`dbt build` asks again for what failed")
        if counts["refused"]:
            again.append("llm_reask_refused: true asks again for what was refused")
        return steps + (["; ".join(again)] if again else [])

    def _waiting(self) -> str:
        """Say what becomes of the cells that wait, by the codes of their reasons."""
        codes = {reason.code for outcome, reason in self.reasons if outcome == "awaiting_llm"}
        caps = sorted({_CAPS[code] for code in codes & _CAPS.keys()})
        if caps:
            return f"raise {' or '.join(caps)}, or {GO_ON}"
        if codes == {ReasonCode.IN_BATCH}:
            return _COLLECT
        return GO_ON

    def _origins(self) -> str:
        named = [f"{cells:,} {origin}" for origin, cells in self.answered.items() if cells]
        return f" ({', '.join(named)})" if named else ""

    def _spent(self) -> str:
        usage = self.usage
        cost = "cost not known" if self.cost_usd is None else usd(self.cost_usd)
        cached = f", {usage.cached_tokens:,} of them cached" if usage.cached_tokens else ""
        if usage.cache_write_tokens:
            cached += f", {usage.cache_write_tokens:,} written to the cache"
        thought = (
            f", {usage.reasoning_tokens:,} of them to reason" if usage.reasoning_tokens else ""
        )
        line = (
            f"  {_count(self.calls, 'call')} in {self.seconds:,.0f} s,"
            f" {_count(usage.prompt_tokens, 'token')} in{cached},"
            f" {usage.completion_tokens:,} out{thought}, {cost}"
        )
        if self.untold:
            line += f", and {_count(self.untold, 'call')} whose tokens nobody knows"
        errors = (
            relative_error(self.estimated.prompt_tokens, usage.prompt_tokens),
            relative_error(self.estimated.completion_tokens, usage.completion_tokens),
        )
        if None not in errors and self.estimated.tokens:
            line += "; estimate {:+.0%} in, {:+.0%} out".format(*errors)
        return line


def _rank(item: tuple[tuple[str, Reason], int]) -> tuple[int, str, str]:
    """Return what sorts the most frequent reasons first, and equals by their words."""
    (outcome, reason), cells = item
    return -cells, outcome, reason.text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
