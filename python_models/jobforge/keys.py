"""The key of a cell's answer: what was asked about what, and nothing else.

An answer stays good until the prompt, the schema, the attribute's definition or the job's context
changes. Evidence is not in the key (one new job would change its neighbours' comparable jobs, and
every answer would be paid for again), nor is the model (an answer of another model is an answer).
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache

from jobforge.inputs import Attribute, Job
from jobforge.prompts import PROMPT_VERSION
from jobforge.schema import SCHEMA_VERSION
from jobforge.values import plain_number

__all__ = ["attribute_digest", "cell_key", "job_digest"]

_TAG = "jobforge:cell:1"


def cell_key(job: Job, attribute: Attribute) -> str:
    """Return the key of the cell, 64 hexadecimal digits."""
    text = "\n".join(
        (_TAG, PROMPT_VERSION, SCHEMA_VERSION, attribute_digest(attribute), job_digest(job))
    )
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=4096)
def attribute_digest(attribute: Attribute) -> str:
    """Return the digest of an attribute's definition."""
    bounds = (attribute.scale_minimum, attribute.scale_maximum)
    return _digest(
        "attribute",
        attribute.attribute_id,
        attribute.name,
        attribute.domain,
        attribute.description,
        attribute.value_type,
        *(None if bound is None else plain_number(bound) for bound in bounds),
        list(attribute.allowed_values),
        attribute.unit,
    )


@lru_cache(maxsize=64)
def job_digest(job: Job) -> str:
    """Return the digest of a job's identity and context."""
    return _digest(
        "job",
        job.job_id,
        job.title,
        job.family,
        job.function,
        job.unit_group,
        job.unit_group_title,
    )


def _digest(tag: str, *parts: object) -> str:
    return hashlib.sha256(json.dumps([tag, *parts]).encode()).hexdigest()
