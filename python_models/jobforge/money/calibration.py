"""How far estimates of tokens were off so far, by what the provider counted.

Few calls move a calibration little, so that one odd reply does not bend a plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from jobforge.money.prices import Usage

__all__ = ["Calibration", "relative_error"]

# A calibration begins as if so many tokens had come out exactly as estimated.
_PRIOR_PROMPT = 10_000
_PRIOR_COMPLETION = 2_000


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a model's tokens compared with their estimates so far.

    prompt, completion: counted over estimated tokens; 1 before any call.
    cached_share: share of the prompt's tokens that came from the provider's cache.
    written_share: share of them that were written into it, as far as the provider tells.
    calls: calls that it rests on.
    """

    prompt: float = 1.0
    completion: float = 1.0
    cached_share: float = 0.0
    written_share: float = 0.0
    calls: int = 0

    @classmethod
    def from_attempts(
        cls, attempts: pa.RecordBatchReader | Iterable[pa.RecordBatch], model: str
    ) -> Calibration:
        """Return the calibration of a model from the ledger's attempts.

        Only attempts that have both an uncorrected estimate and a count are of use. Few calls move
        it little: it starts from 10,000 prompt and 2,000 completion tokens that fit exactly.
        """
        counted = estimated = Usage()
        calls = 0
        for batch in attempts:
            for row in batch.select(_COLUMNS).to_pylist():
                if row["model_requested"] != model or None in (
                    row["prompt_tokens"],
                    row["completion_tokens"],
                    row["estimated_prompt_tokens"],
                    row["estimated_completion_tokens"],
                ):
                    continue
                calls += 1
                counted += _usage(row, "")
                estimated += _usage(row, "estimated_")
        return cls(
            prompt=(counted.prompt_tokens + _PRIOR_PROMPT)
            / (estimated.prompt_tokens + _PRIOR_PROMPT),
            completion=(counted.completion_tokens + _PRIOR_COMPLETION)
            / (estimated.completion_tokens + _PRIOR_COMPLETION),
            cached_share=counted.cached_tokens / (counted.prompt_tokens + _PRIOR_PROMPT),
            written_share=counted.cache_write_tokens / (counted.prompt_tokens + _PRIOR_PROMPT),
            calls=calls,
        )

    def correct(self, estimated: Usage) -> Usage:
        """Return what the estimate becomes by the earlier calls."""
        prompt = math.ceil(estimated.prompt_tokens * self.prompt)
        return Usage(
            prompt,
            math.ceil(estimated.completion_tokens * self.completion),
            int(prompt * self.cached_share),
            math.ceil(prompt * self.written_share),
        )


_COLUMNS = [
    "model_requested",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "estimated_prompt_tokens",
    "estimated_completion_tokens",
]


def relative_error(estimated: int, counted: int) -> float | None:
    """Return by which share of the count an estimate missed; above 0 where it was too high."""
    return (estimated - counted) / counted if counted else None


def _usage(row: dict[str, Any], prefix: str) -> Usage:
    return Usage(
        row[f"{prefix}prompt_tokens"],
        row[f"{prefix}completion_tokens"],
        (row["cached_tokens"] or 0) if not prefix else 0,
        (row["cache_write_tokens"] or 0) if not prefix else 0,
    )
