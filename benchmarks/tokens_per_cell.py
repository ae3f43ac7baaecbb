"""Tokens and money for a cell, by how many attributes a call asks for and how it asks.

Counts real requests with OpenAI's o200k vocabulary, beside the project's own estimate. The
vocabulary comes inside the package `bpe-openai`, which nothing else needs:

    uv pip install bpe-openai
    dbt build --select +int_imputation_requests --vars '{llm_attributes_per_call: 64, input: files}'
    python benchmarks/tokens_per_cell.py --warehouse warehouse/jobforge.duckdb

Packs of 64 are cut into smaller ones as the project would pack them, and the same jobs are asked
for the same cells each time, with cells spelt out in the schema or shared, with a reason before the
value or none. A reply's rationales are those of the recorded answers, in turn.

What is cached is counted twice, in whole steps as OpenAI caches: from 1,024 tokens on, by 128. The
system message alone, in every request; and what OpenAI documents, that the schema goes before the
system message and is cached with it: from the second request on for the same attributes.

Prints the tokens, and prices as shares of what one call a cell costs, spelt out and with a reason.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import cycle, product
from pathlib import Path

import bpe_openai
import duckdb
from jobforge.money.prices import ModelPrice, PriceTable, Usage
from jobforge.requests.forms import PackForms
from jobforge.requests.inputs import Attribute, ImputationRequest, Pack, read_packs, read_requests
from jobforge.settings import DEFAULT_MODEL, Rationale, SchemaCells

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
ATTRIBUTES_PER_CALL = (1, 8, 16, 32, 64)
# What frames two messages and opens the reply.
FRAME = 11
LIMIT = 16_384
CELLS: tuple[SchemaCells, ...] = ("spelt_out", "shared")
REASONS: tuple[Rationale, ...] = ("before", "none")
# In the order of `prices_of`.
PAID = ("nothing cached", "the system message cached", "the schema cached, too", "as a batch")
FIRST_CACHED, CACHE_STEP = 1024, 128

encoding = bpe_openai.get_encoding("o200k_base")


class Reply:
    """Replies as long as those that a real model gave."""

    def __init__(self, rationale: Rationale) -> None:
        self._without = rationale == "none"
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
        reason = {} if self._without else {"rationale": rationale}
        return {**reason, "value": value, "confidence": round(confidence * 100)}


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


def measured(
    packs: dict[str, Pack],
    requests: list[ImputationRequest],
    size: int,
    cells: SchemaCells,
    rationale: Rationale,
) -> Counter[str]:
    """Return the tokens of all requests by their part, with calls, cells and estimates."""
    reply = Reply(rationale)
    total: Counter[str] = Counter()
    forms: dict[str, PackForms] = {}
    sent: set[tuple[str, ...]] = set()
    for request, pack, attributes in asked(packs, requests, size):
        form = forms.get(pack.pack_id)
        if form is None:
            form = forms[pack.pack_id] = PackForms(
                pack,
                parameters={},
                largest_completion_tokens=LIMIT,
                rationale=rationale,
                cells=cells,
            )
        made = form.form(request)
        system, schema = count_once(made.texts.system), count_once(made.texts.schema)
        is_again = request.attribute_ids in sent
        sent.add(request.attribute_ids)
        total.update(
            calls=1,
            cells=len(attributes),
            system=system,
            job=count_once(made.texts.user) + FRAME,
            schema=schema,
            cached=cached(system),
            cached_with_schema=cached(schema + system) if is_again else 0,
            reply=count(reply.to(attributes)),
            estimated_prompt=made.estimate.prompt_tokens,
            estimated_reply=made.estimate.completion_tokens,
        )
    return total


def cached(tokens: int) -> int:
    """Return how many of a prefix's tokens are served from the cache."""
    return tokens // CACHE_STEP * CACHE_STEP if tokens >= FIRST_CACHED else 0


def prices_of(total: Counter[str], price: ModelPrice) -> list[Decimal]:
    """Return US dollars a cell, for each way in which it may be paid."""
    prompt = total["system"] + total["job"] + total["schema"]
    usages = [
        Usage(prompt, total["reply"], part)
        for part in (0, total["cached"], total["cached_with_schema"])
    ]
    costs = [price.cost(usage) for usage in usages] + [price.cost(usages[0], batch=True)]
    return [cost / total["cells"] for cost in costs]


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
    print(f"{jobs} jobs, {cells:,} cells; the largest pack has {widest} attributes\n")
    print(
        "| reason | k | cells a call | system | job | schema | prompt | of it the system, cached"
        " | schema and system, cached | reply | estimate of prompt | of reply |"
    )
    print("|" + "---|" * 12)
    totals: dict[tuple[SchemaCells, Rationale, int], Counter[str]] = {}
    for rationale in REASONS:
        for size in ATTRIBUTES_PER_CALL:
            both = []
            for way in CELLS:
                total = measured(packs, requests, size, way, rationale)
                totals[way, rationale, size] = total
                both.append(total)
            print(f"| {rationale} | {size} | {tokens(both)} |", flush=True)
    costs = {key: prices_of(total, price) for key, total in totals.items()}
    one_by_one = costs[CELLS[0], REASONS[0], ATTRIBUTES_PER_CALL[0]][0]
    print(
        f"\nOf the price of one call a cell, {one_by_one * 1000:.2f} US dollars for 1,000 cells of"
        f" {price.model} (prices of {price.as_of})\n"
    )
    sizes = "".join(f" {size} |" for size in ATTRIBUTES_PER_CALL)
    print(f"| | cells | reason | k ={sizes}\n|" + "---|" * (3 + len(ATTRIBUTES_PER_CALL)))
    for place, title in enumerate(PAID):
        for rationale, way in product(REASONS, CELLS):
            ratios = [costs[way, rationale, size][place] for size in ATTRIBUTES_PER_CALL]
            figures = " | ".join(f"{ratio / one_by_one:.3f}" for ratio in ratios)
            print(f"| {title} | {way} | {rationale} | {figures} |")


def tokens(both: list[Counter[str]]) -> str:
    """Return a row's tokens for each cell, spelt out and shared where they differ."""
    for total in both:
        total["prompt"] = total["system"] + total["job"] + total["schema"]

    def told(part: str) -> str:
        found = [f"{total[part] / total['cells']:,.0f}" for total in both]
        return " / ".join(dict.fromkeys(found))

    def share(part: str) -> str:
        return " / ".join(f"{total[part] / total['prompt']:.0%}" for total in both)

    calls = both[0]["cells"] / both[0]["calls"]
    parts = [told(part) for part in ("system", "job", "schema", "prompt")]
    shares = [share(part) for part in ("cached", "cached_with_schema")]
    rest = [told(part) for part in ("reply", "estimated_prompt", "estimated_reply")]
    return " | ".join((f"{calls:.1f}", *parts, *shares, *rest))


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


@cache
def count_once(text: str) -> int:
    return count(text)


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
