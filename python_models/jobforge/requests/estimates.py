"""How many tokens a request takes, before it is sent and without a tokeniser.

Tokenisers fetch their vocabulary over the network, so tokens are estimated from the bytes of the
texts. The bytes per token were measured with OpenAI's o200k vocabulary over 2,000 requests for the
published OaSIS files (`benchmarks/token_estimates.py`): instructions and definitions 4.57, job data
4.15, schema 3.84, reply 4.56; 28 tokens a cell come back. Bytes and not characters, because letters
beyond ASCII take more tokens about as they take more bytes.

An estimate is corrected by what the same model's earlier calls took (`money.calibration`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from jobforge.requests.inputs import Attribute

__all__ = ["Estimate", "largest_prompt", "prompt_tokens", "reply_tokens"]

_SYSTEM_BYTES_PER_TOKEN = 4.57
_USER_BYTES_PER_TOKEN = 4.15
_SCHEMA_BYTES_PER_TOKEN = 3.84
_REPLY_BYTES_PER_TOKEN = 4.56
# Each message is framed by a few tokens, and the reply is opened by three.
_FRAME_TOKENS = 11

# `"":{"rationale":"","value":,"confidence":70},` and a rationale of ten words.
_CELL_BYTES = 45 + 55
_RATIONALE_BYTES = len('"rationale":"",') + 55
_TEXT_VALUE_BYTES = 60


@dataclass(frozen=True, slots=True)
class Estimate:
    """The tokens that a request will take, in and out: as expected, and at the very most."""

    prompt_tokens: int
    completion_tokens: int
    largest_prompt_tokens: int
    largest_completion_tokens: int


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


def largest_prompt(estimated_tokens: int) -> int:
    """Return the most tokens that a prompt with that estimate can have: one for each byte."""
    # Of its texts none has more bytes to a token than this.
    return math.ceil(estimated_tokens * _SYSTEM_BYTES_PER_TOKEN)


def reply_tokens(attributes: Iterable[Attribute], *, with_rationale: bool = True) -> int:
    """Return the tokens that a reply with these attributes is likely to take."""
    less = 0 if with_rationale else _RATIONALE_BYTES
    size = sum(_reply_bytes(attribute) - less for attribute in attributes)
    return math.ceil(size / _REPLY_BYTES_PER_TOKEN)


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


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
