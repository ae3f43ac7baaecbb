"""The keys of answers and the hashes that `verify` derives anew.

Every hash is the SHA-256 of a tag and its parts, each part with its type and length before it, so
that no two lists of parts read alike. A hash is 64 hexadecimal digits.

- The question key says what was asked about what: prompt, schema, attribute, job. An answer of any
  model answers it.
- The cell key adds the model and the parameters: a byte changed in any of it asks again.
- The evidence (known attributes, comparable values) is hashed apart: one new job changes its
  neighbours' evidence, and nothing of that is paid for again unless the user says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

__all__ = [
    "canonical_parameters",
    "cell_key",
    "digest",
    "evidence_hash",
    "known_digest",
    "question_key",
    "request_key",
    "review_id",
    "text_hash",
]

Part = str | int | float | None


def digest(tag: str, *parts: Part) -> str:
    """Return the tagged hash of the parts."""
    written = "".join(
        [f"s{len(part)}:{part}" if type(part) is str else _written(part) for part in parts]
    )
    return _sealed(tag, written)


def text_hash(content: str) -> str:
    """Return the plain SHA-256 of a text, by which it is stored once."""
    return hashlib.sha256(content.encode()).hexdigest()


def canonical_parameters(parameters: Mapping[str, Any]) -> str:
    """Return the request's parameters as JSON that is the same for the same parameters.

    Give only what can change an answer (a temperature, a seed), for all of it is in the cell key.
    """
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def review_id(*parts: str | None) -> str:
    """Return the id of what a person said of a cell."""
    return digest("review id", *parts)


def question_key(
    *,
    prompt_version: str,
    instructions_hash: str,
    schema_version: str,
    attribute_digest: str,
    job_digest: str,
) -> str:
    """Return the key of a question, whichever model answers it."""
    opening = _shared(prompt_version, instructions_hash, schema_version, attribute_digest)
    return _sealed("question", f"{opening}s{len(job_digest)}:{job_digest}")


def cell_key(question_key: str, model: str, parameters: str) -> str:
    """Return the key of a question to one model with these canonical parameters."""
    return _sealed("cell", f"s{len(question_key)}:{question_key}{_shared(model, parameters)}")


def known_digest(known: Iterable[tuple[str, str]]) -> str:
    """Return the digest of a job's known attributes, (name, value) pairs in any order."""
    return _sealed("known", _texts(sorted(known)))


def evidence_hash(known_digest: str, comparable: Iterable[tuple[str, str, str]]) -> str:
    """Return the hash of one cell's evidence.

    `comparable` holds the (job title, relation, value) of the comparable values that the prompt
    gives for this very attribute, in any order.
    """
    shown = _texts(sorted(comparable))
    return _sealed("evidence", f"s{len(known_digest)}:{known_digest}{shown}")


def request_key(
    model: str, parameters: str, system_hash: str, user_hash: str, schema_hash: str
) -> str:
    """Return the key of a whole request; attempts at the same request share it."""
    return digest("request", model, parameters, system_hash, user_hash, schema_hash)


def _sealed(tag: str, written: str) -> str:
    return hashlib.sha256(f"jobforge:{tag}:1\n{written}".encode()).hexdigest()


@lru_cache(maxsize=4096)
def _shared(*texts: str) -> str:
    """Write the parts that the keys of many cells share: all jobs', or all attributes'."""
    return _texts([texts])


def _texts(rows: Iterable[Iterable[str]]) -> str:
    return "".join([f"s{len(text)}:{text}" for row in rows for text in row])


def _written(part: Part) -> str:
    if part is None:
        return "n"
    if isinstance(part, str):
        return f"s{len(part)}:{part}"
    return f"f{part!r};" if isinstance(part, float) else f"i{part};"
