"""How many tokens a request takes, before it is sent and without a tokeniser.

Tokenisers fetch their vocabulary over the network, so tokens are estimated from the bytes of the
texts. The bytes per token were measured with OpenAI's o200k vocabulary over 2,000 requests for the
published OaSIS files (`benchmarks/token_estimates.py`): instructions and definitions 4.57, job data
4.15, schema 3.84, reply 4.56; 28 tokens a cell come back. Bytes and not characters, because letters
beyond ASCII take more tokens about as they take more bytes.

An estimate is corrected by what the same model's earlier calls took (`Calibration`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from jobforge.inputs import Attribute
from jobforge.prices import Usage

__all__ = [
    "Calibration",
    "prompt_tokens",
    "relative_error",
    "reply_tokens",
]

_SYSTEM_BYTES_PER_TOKEN = 4.57
_USER_BYTES_PER_TOKEN = 4.15
_SCHEMA_BYTES_PER_TOKEN = 3.84
_REPLY_BYTES_PER_TOKEN = 4.56
# Each message is framed by a few tokens, and the reply is opened by three.
_FRAME_TOKENS = 11

# `"":{"rationale":"","value":,"confidence":70},` and a rationale of ten words.
_CELL_BYTES = 45 + 55
_TEXT_VALUE_BYTES = 60

# A calibration begins as if so many tokens had come out exactly as estimated.
_PRIOR_PROMPT = 10_000
_PRIOR_COMPLETION = 2_000


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a model's tokens compared with their estimates so far.

    prompt, completion: counted over estimated tokens; 1 before any call.
    cached_share: share of the prompt's tokens that came from the provider's cache.
    calls: calls that it rests on.
    """

    prompt: float = 1.0
    completion: float = 1.0
    cached_share: float = 0.0
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
            calls=calls,
        )

    def correct(self, estimated: Usage) -> Usage:
        """Return what the estimate becomes by the earlier calls."""
        prompt = math.ceil(estimated.prompt_tokens * self.prompt)
        return Usage(
            prompt,
            math.ceil(estimated.completion_tokens * self.completion),
            int(prompt * self.cached_share),
        )


_COLUMNS = [
    "model_requested",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "estimated_prompt_tokens",
    "estimated_completion_tokens",
]


def prompt_tokens(*, system: int, user: int, schema: int) -> int:
    """Return the tokens that a request is likely to take.

    Its texts' sizes are in UTF-8 bytes: system message, user message, schema as compact JSON.
    """
    tokens = (
        system / _SYSTEM_BYTES_PER_TOKEN
        + user / _USER_BYTES_PER_TOKEN
        + schema / _SCHEMA_BYTES_PER_TOKEN
    )
    return math.ceil(tokens) + _FRAME_TOKENS


def reply_tokens(attributes: Iterable[Attribute]) -> int:
    """Return the tokens that a reply with these attributes is likely to take."""
    size = sum(_reply_bytes(attribute) for attribute in attributes)
    return math.ceil(size / _REPLY_BYTES_PER_TOKEN)


def relative_error(estimated: int, counted: int) -> float | None:
    """Return by which share of the count an estimate missed; above 0 where it was too high."""
    return (estimated - counted) / counted if counted else None


@lru_cache(maxsize=4096)
def _reply_bytes(attribute: Attribute) -> int:
    match attribute.value_type:
        case "category":
            value = max(_bytes(allowed) for allowed in attribute.allowed_values) + 2
        case "text":
            value = _TEXT_VALUE_BYTES
        case _:
            value = 4
    return _CELL_BYTES + _bytes(attribute.attribute_id) + value


def _usage(row: dict[str, Any], prefix: str) -> Usage:
    return Usage(
        row[f"{prefix}prompt_tokens"],
        row[f"{prefix}completion_tokens"],
        (row["cached_tokens"] or 0) if not prefix else 0,
    )


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
