"""How probable the model found its answers, as a table: what the ledger's replies tell of it.

Replies are read where they list log-probabilities, a few at a time; texts stay in the ledger. An
answer is known again by its job, attribute, model and moment.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from jobforge.evaluation.distributions import read_distributions
from jobforge.ledger import existing_ledger
from jobforge.requests.inputs import ArrowRows, read_packs
from jobforge.requests.keys import attribute_digest

__all__ = ["PROBABILITY_SCHEMA", "no_probabilities", "read_probabilities"]

_KEY = ("job_id", "attribute_id", "model_used", "imputed_at")
PROBABILITY_SCHEMA = pa.schema(
    [
        pa.field("job_id", pa.string(), nullable=False),
        pa.field("attribute_id", pa.string(), nullable=False),
        pa.field("model_used", pa.string(), nullable=False),
        pa.field("imputed_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("answer_probability", pa.float64(), nullable=False),
        ("expected_value", pa.float64()),
    ]
)
# No reply without log-probabilities has it.
_LISTED = '"top_logprobs"'


def no_probabilities() -> pa.Table:
    """Return no rows, with the columns of PROBABILITY_SCHEMA."""
    return PROBABILITY_SCHEMA.empty_table()


def read_probabilities(packs: ArrowRows, url: str | None = None) -> pa.Table:
    """Return one row per answer of the ledger whose probability its reply tells.

    answer_probability: of the value that was answered, among those that the attribute can have.
    expected_value: the mean of all values of a rating by their probabilities; null for others. Only
    attributes that are defined as they are today count.
    """
    ledger = existing_ledger(url)
    if ledger is None:
        return no_probabilities()
    attributes = {
        attribute_digest(attribute): attribute
        for pack in read_packs(packs).values()
        for attribute in pack.attributes
    }
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    with ledger:
        for reply in ledger.answered_replies(_LISTED):
            asked = [attributes[one] for one in reply.values if one in attributes]
            found = read_distributions(reply.raw_reply, asked)
            for attribute in asked:
                one = found.get(attribute.attribute_id)
                # What the ledger has is what the reply says, or nothing is said of it.
                if one is None or one.answered != reply.values[attribute_digest(attribute)]:
                    continue
                is_rating = attribute.value_type == "rating"
                key = (reply.job_id, attribute.attribute_id, reply.model_used, reply.answered_at)
                rows[key] = dict(zip(_KEY, key, strict=True)) | {
                    "answer_probability": min(1.0, one.answer_probability),
                    "expected_value": one.expected_value if is_rating else None,
                }
    return pa.Table.from_pylist(list(rows.values()), schema=PROBABILITY_SCHEMA)
