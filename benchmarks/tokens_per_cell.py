"""Tokens and money for a cell, by how many attributes a call asks for.

Counts real requests with OpenAI's o200k vocabulary, beside the project's own estimate. The
vocabulary comes inside the package `bpe-openai`, which nothing else needs:

    uv pip install bpe-openai
    dbt build --select +int_imputation_requests --vars '{llm_attributes_per_call: 64, input: files}'
    python benchmarks/tokens_per_cell.py --warehouse warehouse/jobforge.duckdb

Packs of 64 are cut into smaller ones as the project would pack them, and the same jobs are asked
for the same cells each time. A reply's rationales are those of the recorded answers, in turn. As
cached counts the system message alone, from a pack's second request on and in whole steps as
OpenAI caches: from 1,024 tokens on, by 128.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import cycle
from pathlib import Path

import bpe_openai
import duckdb
from jobforge.money.prices import PriceTable, Usage
from jobforge.requests.forms import PackForms
from jobforge.requests.inputs import Attribute, ImputationRequest, Pack, read_packs, read_requests
from jobforge.requests.prompts import job_message, pack_message
from jobforge.requests.schema import response_format
from jobforge.settings import DEFAULT_MODEL

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
ATTRIBUTES_PER_CALL = (1, 8, 16, 32, 64)
# What frames two messages and opens the reply.
FRAME = 11
LIMIT = 16_384
FIRST_CACHED, CACHE_STEP = 1024, 128

encoding = bpe_openai.get_encoding("o200k_base")


class Reply:
    """Replies as long as those that a real model gave."""

    def __init__(self) -> None:
        recorded = duckdb.read_csv(str(SEEDS / "demo/demo_llm_recorded_answers.csv"))
        self._said = cycle(
            recorded.order("question_key").select("rationale, confidence").fetchall()
        )

    def to(self, attributes: list[Attribute]) -> str:
        """Return a reply with a value for each attribute."""
        return compact({one.attribute_id: self._cell(one) for one in attributes})

    def _cell(self, attribute: Attribute) -> dict[str, object]:
        rationale, confidence = next(self._said)
        values = {"boolean": True, "text": "Once a week", "rating": 3, "number": 12}
        value = (*attribute.allowed_values, values.get(attribute.value_type))[0]
        return {"rationale": rationale, "value": value, "confidence": round(confidence * 100)}


def repacked(pack: Pack, size: int) -> list[Pack]:
    """Cut a pack into packs of so many attributes."""
    members = pack.attributes
    return [
        Pack(f"{pack.pack_id} {first}", members[first : first + size])
        for first in range(0, len(members), size)
    ]


def asked(
    packs: dict[str, Pack], requests: list[ImputationRequest], size: int
) -> Iterator[tuple[ImputationRequest, Pack, list[Attribute]]]:
    """Yield the same cells as requests of at most so many attributes."""
    parts = {pack_id: repacked(pack, size) for pack_id, pack in packs.items()}
    for request in requests:
        for pack in parts[request.pack_id]:
            attributes = [
                one for one in pack.attributes if one.attribute_id in request.attribute_ids
            ]
            if attributes:
                ids = tuple(one.attribute_id for one in attributes)
                yield replace(request, pack_id=pack.pack_id, attribute_ids=ids), pack, attributes


def measured(packs: dict[str, Pack], requests: list[ImputationRequest], size: int) -> Counter[str]:
    """Return the tokens of all requests by their part, with calls, cells and estimates."""
    of_text = cache(count)
    reply = Reply()
    total: Counter[str] = Counter()
    for request, pack, attributes in asked(packs, requests, size):
        system = of_text(pack_message(pack))
        forms = PackForms(pack, parameters={}, largest_completion_tokens=LIMIT)
        estimated = forms.form(request).estimate
        total.update(
            calls=1,
            cells=len(attributes),
            system=system,
            job=count(job_message(request)) + FRAME,
            schema=of_text(compact(response_format(attributes))),
            cached=system // CACHE_STEP * CACHE_STEP if system >= FIRST_CACHED else 0,
            reply=count(reply.to(attributes)),
            estimated_prompt=estimated.prompt_tokens,
            estimated_reply=estimated.completion_tokens,
        )
    return total


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--warehouse", required=True, help="built with 64 attributes a call")
    options.add_argument("--jobs", type=int, default=50, help="jobs in the sample")
    options.add_argument("--model", default=DEFAULT_MODEL, help="whose price is taken")
    given = options.parse_args()
    packs, requests = inputs(given.warehouse, given.jobs)
    prices = duckdb.read_csv(str(SEEDS / "reference/model_prices.csv")).to_arrow_table()
    price = PriceTable(prices).price_of(given.model)
    if price is None:
        options.error(f"model_prices.csv has no price for {given.model}")
    jobs = len({request.job.job_id for request in requests})
    cells = sum(len(request.attribute_ids) for request in requests)
    widest = max(len(pack.attributes) for pack in packs.values())
    print(f"{jobs} jobs, {cells:,} cells; the largest pack has {widest} attributes")
    print(f"Prices of {price.model}, {price.as_of}\n")
    print(
        "| k | cells a call | system | job | schema | prompt | of it cached | reply"
        " | estimate, prompt and reply | USD for 1,000 cells | with cache | batch |"
    )
    print("|" + "---|" * 12)
    for size in ATTRIBUTES_PER_CALL:
        total = measured(packs, requests, size)
        prompt = total["system"] + total["job"] + total["schema"]
        plain, cached = (Usage(prompt, total["reply"], part) for part in (0, total["cached"]))
        tokens = [total[part] / cells for part in ("system", "job", "schema")]
        estimated = [total[f"estimated_{part}"] / cells for part in ("prompt", "reply")]
        costs = [price.cost(plain), price.cost(cached), price.cost(plain, batch=True)]
        print(
            f"| {size} | {cells / total['calls']:.1f} | "
            + " | ".join(f"{part:,.0f}" for part in (*tokens, prompt / cells))
            + f" | {total['cached'] / prompt:.0%} | {total['reply'] / cells:.0f} | "
            + ", ".join(f"{part:,.0f}" for part in estimated)
            + "".join(f" | {cost / cells * 1000:.2f}" for cost in costs)
            + " |",
            flush=True,
        )


def inputs(file: str, jobs: int) -> tuple[dict[str, Pack], list[ImputationRequest]]:
    """Return the packs and all requests of some jobs, the same ones each time."""
    with duckdb.connect(file, read_only=True) as warehouse:
        ((schema,),) = warehouse.execute(
            "select table_schema from information_schema.tables"
            " where table_name = 'int_imputation_requests'"
        ).fetchall()
        packs = warehouse.table(f"{schema}.int_attribute_packs").to_arrow_table()
        rows = warehouse.sql(
            f"""
            select * from {schema}.int_imputation_requests
            where job_id in (
                select distinct job_id from {schema}.int_imputation_requests
                order by md5(job_id) limit {jobs}
            )
            order by request_order
            """
        ).to_arrow_table()
    return read_packs(packs), list(read_requests(rows))


def count(text: str) -> int:
    return len(encoding.encode(text))


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
