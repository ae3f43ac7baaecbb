"""How many bytes a token stands for: the measurement behind `jobforge.requests.estimates`.

Counts the tokens of real requests with OpenAI's o200k vocabulary and sets them against the
project's estimate. The vocabulary comes inside the package `bpe-openai`, which nothing else needs:

    uv pip install bpe-openai
    python benchmarks/token_estimates.py --warehouse warehouse/jobforge.duckdb --sample 2000

The warehouse is one that `dbt build` made; the same sample is drawn each time.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

import bpe_openai
import duckdb
from jobforge.requests.forms import PackForms
from jobforge.requests.inputs import read_packs, read_requests
from jobforge.requests.prompts import messages
from jobforge.requests.schema import response_format

LIMIT = 16_384
RATIONALE = "Like Payroll Clerk, plans and checks figures daily"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--warehouse", required=True)
    options.add_argument("--sample", type=int, default=2000)
    given = options.parse_args()
    encoding = bpe_openai.get_encoding("o200k_base")
    with duckdb.connect(given.warehouse, read_only=True) as warehouse:
        packs = read_packs(table(warehouse, "int_attribute_packs", ""))
        sample = f"using sample reservoir({given.sample} rows) repeatable (1)"
        rows = table(warehouse, "int_imputation_requests", sample)
    size: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    cells = requests = estimated_in = estimated_out = 0
    for request in read_requests(rows):
        pack = packs[request.pack_id]
        attributes = [pack.attribute(one) for one in request.attribute_ids]
        system, user = messages(request, pack)
        reply = {
            one: {"rationale": RATIONALE, "value": 3, "confidence": 70}
            for one in request.attribute_ids
        }
        for part, text in (
            ("system", system["content"]),
            ("user", user["content"]),
            ("schema", compact(response_format(attributes))),
            ("reply", compact(reply)),
        ):
            size[part] += len(text.encode())
            tokens[part] += len(encoding.encode(text))
        forms = PackForms(pack, parameters={}, largest_completion_tokens=LIMIT)
        estimated = forms.form(request).estimate
        estimated_in += estimated.prompt_tokens
        estimated_out += estimated.completion_tokens
        cells += len(attributes)
        requests += 1
    print(f"{requests:,} requests, {cells:,} cells")
    for part, counted in tokens.items():
        print(f"{part:<8}{size[part] / counted:6.2f} bytes a token")
    counted_in = tokens["system"] + tokens["user"] + tokens["schema"]
    print(f"reply   {tokens['reply'] / cells:6.1f} tokens a cell")
    print(f"estimate of the prompts  {estimated_in / counted_in - 1:+.1%}")
    print(f"estimate of the replies  {estimated_out / tokens['reply'] - 1:+.1%}")


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def table(warehouse: duckdb.DuckDBPyConnection, name: str, sample: str):
    ((schema,),) = warehouse.execute(
        "select table_schema from information_schema.tables where table_name = ?", [name]
    ).fetchall()
    return warehouse.sql(f"select * from {schema}.{name} {sample}").to_arrow_table()


if __name__ == "__main__":
    main()
