"""How long the page of `jobforge report` takes to write and to open, and how large it is.

    python benchmarks/report_page.py --warehouse FILE

FILE is a built warehouse, which is only read; without one it is 4.6 million cells of arithmetic.
The page is opened in the system's Chromium, a new one each time: the time is until every part of
it is drawn. Medians of three rounds.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from jobforge.cli.report import report
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.gold import make_gold

ROUNDS = 3
WIDTHS = {"wide": 1200, "phone": 390}


def seconds_to_open(page: Path, width: int) -> float:
    """Return the seconds from the request for the file until the last plot is drawn."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("there is no chromium on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": width, "height": 900})
        started = time.perf_counter()
        opened.goto(page.as_uri())
        opened.wait_for_selector("#about")
        opened.evaluate("() => new Promise(drawn => requestAnimationFrame(() => drawn()))")
        taken = time.perf_counter() - started
        browser.close()
    return taken


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path)
    warehouse = parser.parse_args().warehouse
    with tempfile.TemporaryDirectory() as folder:
        if warehouse is None:
            warehouse = make_gold(
                Path(folder) / "gold.duckdb", jobs=18_654, attributes=245, families=30, domains=6
            )
        page = Path(folder) / "report.html"
        written = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            report(page, warehouse)
            written.append(time.perf_counter() - started)
        print(f"written in {statistics.median(written):.1f} s, {page.stat().st_size / 1e6:.1f} MB")
        for name, width in WIDTHS.items():
            taken = [seconds_to_open(page, width) for _ in range(ROUNDS)]
            print(f"opened {name} in {statistics.median(taken):.2f} s")


if __name__ == "__main__":
    main()
