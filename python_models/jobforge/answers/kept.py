"""The ledger's answers as a table, for SQL to see what the model said of cells that others filled.

An answer stays what it is when the national classification or HR fills its cell: a candidate that
lost. It is read, not asked for, so that it costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from jobforge.ledger import existing_ledger
from jobforge.requests.inputs import ArrowRows, Attribute, read_packs
from jobforge.requests.keys import attribute_digest
from jobforge.requests.values import BadValueError, parse_value

__all__ = ["KEPT_SCHEMA", "no_kept_answers", "read_kept_answers"]

_MOMENT = pa.timestamp("us", tz="UTC")
KEPT_SCHEMA = pa.schema(
    [
        pa.field("job_id", pa.string(), nullable=False),
        pa.field("attribute_id", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("rationale", pa.string()),
        pa.field("model_used", pa.string()),
        pa.field("prompt_version", pa.string(), nullable=False),
        pa.field("request_id", pa.string()),
        pa.field("imputed_at", _MOMENT, nullable=False),
        pa.field("dbt_invocation_id", pa.string(), nullable=False),
    ]
)
# No digest has it.
_BETWEEN = " "
_TAKEN = {"imputed_at": "answered_at", "dbt_invocation_id": "run_id"}


def no_kept_answers() -> pa.Table:
    """Return no rows, with the columns of KEPT_SCHEMA."""
    return KEPT_SCHEMA.empty_table()


def read_kept_answers(packs: ArrowRows, url: str | None = None) -> pa.Table:
    """Return the ledger's answers to what the packs' attributes ask now, oldest first.

    An answer counts whatever the model, the prompt and the job's evidence were, but only where its
    attribute is defined as it is today and can have its value. Refusals are left out; a cell that
    was answered several times has several rows.
    """
    ledger = existing_ledger(url)
    if ledger is None:
        return no_kept_answers()
    attributes = {
        attribute_digest(attribute): attribute
        for pack in read_packs(packs).values()
        for attribute in pack.attributes
    }
    with ledger:
        tables = [_holding(pa.Table.from_batches([one]), attributes) for one in ledger.answers()]
    return pa.concat_tables([no_kept_answers(), *tables])


def _holding(answers: pa.Table, attributes: Mapping[str, Attribute]) -> pa.Table:
    # By column: a ledger may hold a million answers, and few values are different.
    answers = answers.filter(
        (pc.field("outcome") == "answered") & pc.field("attribute_digest").isin(list(attributes))
    )
    given = pc.binary_join_element_wise(
        answers["attribute_digest"], answers["value"], _BETWEEN
    ).combine_chunks()
    encoded = given.dictionary_encode()
    canonical = [_canonical(attributes, one) for one in encoded.dictionary.to_pylist()]
    values = pa.array(canonical, pa.string()).take(encoded.indices)
    columns = {name: answers[_TAKEN.get(name, name)] for name in KEPT_SCHEMA.names}
    kept = pa.table(columns | {"value": values}).filter(values.is_valid())
    return kept.cast(KEPT_SCHEMA)


def _canonical(attributes: Mapping[str, Attribute], given: str) -> str | None:
    digest, _, value = given.partition(_BETWEEN)
    try:
        return parse_value(attributes[digest], value)
    except BadValueError:
        return None
