"""What the history of gold costs on the published files.

    python benchmarks/history.py --data ../shared/data

One whole `dbt build` into an empty warehouse, in which the history begins; then its models alone,
once where nothing changed and once where 1,000 cells of gold are not what they were. Prints tables
in Markdown; how CPU is counted says real_data.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb
from real_data import FILES, ROOT, Figures, dbt

MODELS = (
    *("int_gold_states", "history_recorded", "int_recorded_cells", "int_cell_changes"),
    *("history_changes", "gold_cell_history"),
)
# What tests of the history's tables are called.
WORDS = ("cell_history", "change_kind", "every_change_begins")
CHANGED = 1_000


def of_history(figures: Figures) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of the history's models, unit tests and tests."""
    found = [
        one
        for one in figures.stages
        if one.name in MODELS or (one.kind == "test" and any(word in one.name for word in WORDS))
    ]
    return sum(one.seconds for one in found), sum(one.cpu for one in found)


def change(warehouse: Path) -> None:
    """Make cells of gold other than they were, in each attribute some."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            f"""
            update main.gold_job_attributes set value = '0.5'
            where rowid in (
                select rowid from main.gold_job_attributes where value is not null
                order by hash(job_id, attribute_id) limit {CHANGED}
            )
            """
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the published files")
    data = parser.parse_args().data.resolve()
    runs: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        variables = {**FILES, "data_dir": str(data), "llm_mode": "off"}
        build = dbt("build", ROOT, work, variables, threads=1)
        size = (work / "ledger.sqlite").stat().st_size / 1e6
        alone = ("--select", "history_recorded+")
        for name in ("nothing changed", f"{CHANGED:,} cells changed"):
            if name != "nothing changed":
                change(work / "real.duckdb")
            runs[name] = dbt("build", ROOT, work, variables, threads=1, options=alone)
        with duckdb.connect(str(work / "real.duckdb")) as connection:
            found = connection.execute("select count(*) from main.gold_cell_history").fetchone()
        grown = (work / "ledger.sqlite").stat().st_size / 1e6 - size
    seconds, cpu = of_history(build)
    print(f"whole build: code {build.code}, {build.seconds:.0f} s, CPU {build.cpu:.0f} s")
    print(f"ledger: {size:.1f} MB, {1000 * grown:.0f} kB more with the changes; events: {found}\n")
    print("| the history's models and tests | seconds | CPU seconds | of the build without them |")
    print("|---|---|---|---|")
    for name, one in {"it begins": build, **runs}.items():
        seconds, cpu = of_history(one)
        wall, whole = of_history(build)
        share = f"{seconds / (build.seconds - wall):.3f}, CPU {cpu / (build.cpu - whole):.3f}"
        print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {share} |")
    print("\n| model | seconds | CPU seconds | peak GB |\n|---|---|---|---|")
    for one in build.stages:
        if one.kind == "model" and one.name in MODELS:
            print(f"| `{one.name}` | {one.seconds:.1f} | {one.cpu:.1f} | {one.gigabytes:.1f} |")
    return max(build.code, *(one.code for one in runs.values()))


if __name__ == "__main__":
    sys.exit(main())
