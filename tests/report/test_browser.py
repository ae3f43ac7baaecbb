"""The page in a real browser: it draws, finds, speaks two languages, and asks nothing of a network.

Accessibility is axe-core's judgement of the rules of WCAG 2.2 A and AA, in light and in dark.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.gold import HOSTILE, make_gold
from support.loopback_server import LoopbackServer

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE, PHONE = 1200, 390
PARTS = [
    *("search", "coverage", "trust", "accuracy", "reliability", "agreement", "models"),
    *("estimates", "costs", "queue", "conflicts", "changes", "about"),
]


@dataclass
class Seen:
    """A page in the browser, and what it said and asked for while it was read."""

    page: Any
    file: Path
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open_cell(self, words: str) -> None:
        """Search for a cell and open the first that is found."""
        self.page.fill("input[type=search]", words)
        self.page.locator(".found button").first.click()

    def content(self) -> dict[str, Any]:
        """Return what the file holds, by Python's own reading of it."""
        raw = self.file.read_text(encoding="utf-8")
        block = raw.split('id="content">')[1].split("</script>")[0]
        content: dict[str, Any] = json.loads(block)
        return content

    def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in self.page.locator(selector).all_inner_texts()]


@pytest.fixture
def read(browser: Any) -> Iterator[Callable[..., Seen]]:
    """Open a file: `read(file, width=390, color_scheme="dark")`; it must say and ask nothing."""
    opened: list[tuple[Seen, Any]] = []

    def open_file(file: Path, width: int = WIDE, **options: Any) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        seen = Seen(context.new_page(), file)
        opened.append((seen, context))
        seen.page.on("console", lambda message: seen.said.append(message.text))
        seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.goto(file.as_uri())
        seen.page.wait_for_selector("#about")
        assert seen.asked == [file.as_uri()]
        return seen

    yield open_file
    for seen, context in opened:
        context.close()
        assert seen.said == []
        assert len(seen.asked) == 1


def test_every_part_is_drawn(read: Callable[..., Seen], page_file: Path) -> None:
    """Each part has its heading, each figure a plot with marks and a name, and a table."""
    seen = read(page_file)
    assert seen.page.locator("main section").evaluate_all("all => all.map(one => one.id)") == PARTS
    figures = seen.page.locator("figure")
    drawn = figures.evaluate_all(
        """all => all.map(figure => {
            const svg = figure.querySelector("svg");
            return [
                svg?.getAttribute("role"), (svg?.getAttribute("aria-label") ?? "").length > 20,
                svg?.querySelectorAll("rect, circle, path").length > 3,
                Boolean(figure.querySelector("table")
                    ?? figure.parentElement.querySelector("details table")),
            ];
        })"""
    )
    # By domain, by family, cells; accuracy, reliability, agreement; cost, conflicts, changes.
    assert drawn == [["img", True, True, True]] * 9
    assert seen.texts(".languages [aria-pressed=true]") == ["English"]


def test_the_figures_on_the_page_are_the_tables(
    read: Callable[..., Seen], page_file: Path, gold: Path
) -> None:
    """The shares and numbers of cells at the top, and of every domain, are gold's own."""
    seen = read(page_file)
    with duckdb.connect(str(gold), read_only=True) as connection:
        statuses = connection.execute(
            "select count(*) from gold_job_attributes group by fill_status order by min("
            "case fill_status when 'authoritative' then 1 when 'onet' then 2 when 'llm' then 3"
            " else 4 end)"
        ).fetchall()
        [cost] = connection.execute("select sum(cost_usd) from gold_imputation_usage").fetchall()
        domains = connection.execute(
            "select domain, sum(cells) from gold_imputation_coverage group by domain"
        ).fetchall()
    assert seen.texts(".figures dd .below") == [f"{cells} cells" for (cells,) in statuses]
    assert "20 jobs and 12 attributes make 240 cells." in seen.texts(".lead")[0]
    assert f"US${cost[0]:.2f} in all" in " ".join(seen.texts("#costs > p"))
    seen.page.locator("#coverage details").first.evaluate("one => { one.open = true; }")
    rows = seen.page.locator("#coverage figure").first.locator("tbody tr")
    shown = [row.split("\t")[:2] for row in rows.all_inner_texts()]
    assert sorted(shown) == sorted([name, str(cells)] for name, cells in domains)


def test_a_cell_says_where_its_value_came_from(read: Callable[..., Seen], page_file: Path) -> None:
    """A search by title and name finds it; its answer has value, source, candidates, history."""
    seen = read(page_file)
    seen.open_cell("job title 3 attribute 2")
    assert seen.texts("article h3") == ["Job title 3: Attribute 2"]
    answer = seen.texts("article")[0]
    for words in (
        *("record 3", "authoritative", "the unit group", "OaSIS"),
        "not measured: there is nothing to compare with",
        *("jobforge why J-3 a2", "where job_id = 'J-3'\n    and attribute_id = 'a2'"),
    ):
        assert words in answer, words
    assert seen.page.evaluate("document.activeElement.tagName") == "H3"
    seen.page.fill("input[type=search]", "no such job")
    assert seen.texts("[role=status]") == ["No cell on this page matches."]


def test_what_nobody_measured_has_no_figure(read: Callable[..., Seen], page_file: Path) -> None:
    """A model's value that was not measured says so and why, beside what the model states."""
    seen = read(page_file)
    content = seen.content()
    cell = next(
        one
        for one in content["search"]["cells"]
        if one["fill_status"] == "llm" and "measured_confidence" not in one
    )
    title = content["search"]["jobs"][cell["job_id"]]["job_title"]
    seen.open_cell(f"{title} {cell['attribute_name']}")
    facts = dict(zip(seen.texts("article dt"), seen.texts("article dd"), strict=True))
    assert facts["Confidence"] == "not measured: no known cell can be masked like it"
    assert facts["The model says of itself"] == "90%"
    assert "Prediction interval" not in facts


def test_a_hostile_text_is_shown_and_does_nothing(
    read: Callable[..., Seen], page_file: Path
) -> None:
    """A rationale with a script is read as it is; ids with quotes are told as texts."""
    seen = read(page_file)
    seen.open_cell("nurse <b>bold</b> attribute 10")
    visible = HOSTILE.replace("\u2028", "\\u2028").replace("\u202e", "\\u202e")
    assert seen.page.evaluate("window.owned") is None
    assert seen.page.locator("article b, article img, main script").count() == 0
    assert seen.texts("article h3") == ["Nurse <b>bold</b>: Attribute 10"]
    seen.open_cell("nurse attribute 0")
    code = seen.texts("article code")
    assert code[0] == r"jobforge why 'J-0 '\''x'\''' 'a0'\''; --'"
    assert "job_id = 'J-0 ''x'''\n    and attribute_id = 'a0''; --'" in code[1]
    job, name, rationale = next(
        (cell["job_id"], cell["attribute_name"], cell["rationale"])
        for cell in seen.content()["search"]["cells"]
        if "owned" in cell.get("rationale", "")
    )
    assert rationale == visible
    seen.open_cell(f"{job} {name}")
    assert visible in seen.texts("article dd")
    assert seen.page.evaluate("window.owned") is None


def test_a_cell_that_is_not_covered_can_be_asked_for(
    read: Callable[..., Seen], gold: Path, new_page: Callable[..., Path]
) -> None:
    """The page says how many cells it covers, and gives command and query for any other."""
    seen = read(new_page(gold, cells=40))
    assert "The search covers 40 of 240 cells" in seen.texts("#search p")[0]
    seen.page.locator("#search summary").click()
    seen.page.get_by_label("Job id").fill("J 9")
    seen.page.get_by_label("Attribute id").fill("a'1")
    assert seen.texts("#search details code")[0] == r"jobforge why 'J 9' 'a'\''1'"
    assert "attribute_id = 'a''1'" in seen.texts("#search details code")[1]


def test_the_page_can_be_used_by_keyboard(read: Callable[..., Seen], page_file: Path) -> None:
    """From the top: skip to the content, search, go to the cell found; each step has a focus."""
    seen = read(page_file)
    keys = seen.page.keyboard
    keys.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    keys.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "main"
    keys.press("Tab")
    assert seen.page.evaluate("document.activeElement.type") == "search"
    keys.type("job title 4 attribute 2")
    keys.press("Tab")
    assert "For example" in seen.page.evaluate("document.activeElement.parentElement.innerText")
    keys.press("Tab")
    keys.press("Enter")
    assert seen.page.evaluate("document.activeElement.innerText") == "Job title 4: Attribute 2"


def test_the_page_speaks_both_languages(read: Callable[..., Seen], page_file: Path) -> None:
    """The switch changes the page's own words and the way of its numbers, and keeps a cell."""
    seen = read(page_file)
    seen.open_cell("job title 3 attribute 11")
    seen.page.click(".languages [lang=fr]")
    texts = {
        name: json.loads(
            (files("jobforge.report") / f"assets/texts.{name}.json").read_text("utf-8")
        )
        for name in ("en", "fr")
    }
    assert seen.page.evaluate("document.documentElement.lang") == "fr"
    assert seen.page.title() == texts["fr"]["title"].replace(" :", "\xa0:")
    assert [text.replace("\xa0", " ") for text in seen.texts("h2")] == [
        texts["fr"][part] for part in PARTS
    ]
    assert seen.texts("article h3") == ["Job title 3\xa0: Attribute 11"]
    assert "62,5\xa0%" in " ".join(seen.texts(".figures dd"))
    seen.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    body = seen.page.inner_text("body").replace("\xa0", " ")
    left = [
        key
        for key, text in texts["en"].items()
        if "{" not in text and len(text) > 14 and text != texts["fr"][key] and text in body
    ]
    assert left == []


def test_a_choice_draws_another_plot_and_keeps_the_focus(
    read: Callable[..., Seen], page_file: Path
) -> None:
    """Another kind of value has its own axis, and the list that was used has the focus still."""
    seen = read(page_file)
    select = seen.page.locator("#accuracy select")
    assert "Mean absolute error" in seen.texts("#accuracy figcaption")[0]
    select.focus()
    select.select_option(index=1)
    assert "Share of exact answers" in seen.texts("#accuracy figcaption")[0]
    assert seen.page.evaluate("document.activeElement.tagName") == "SELECT"


def test_a_click_on_a_tile_opens_its_cell(read: Callable[..., Seen], page_file: Path) -> None:
    """The tip says whose tile it is and what stands there; a click goes to the answer above."""
    seen = read(page_file)
    svg = seen.page.locator("#coverage svg").last
    tile = svg.locator("rect").nth(30)
    tile.hover()
    tip = svg.locator("text, tspan").all_text_contents()
    seen.page.mouse.down()
    seen.page.mouse.up()
    seen.page.wait_for_selector("article h3")
    title = seen.texts("article h3")[0]
    assert title.split(": ")[0] in "\n".join(tip)
    assert seen.texts("article .value strong")[0] in "\n".join(tip)


def test_shares_by_family_can_be_looked_into(
    read: Callable[..., Seen], tmp_path: Path, new_page: Callable[..., Path]
) -> None:
    """Of many cells the map has families by domain, and by the attributes of a chosen one."""
    path = make_gold(tmp_path / "many.duckdb", jobs=400, attributes=20)
    seen = read(new_page(path))
    figure = seen.page.locator("#coverage figure").last
    assert figure.locator("thead th").count() == 1 + 4
    figure.get_by_label("Domain", exact=True).select_option("domain 1")
    figure.get_by_label("Source", exact=True).select_option("onet")
    figure = seen.page.locator("#coverage figure").last
    assert seen.texts("#coverage figure:last-of-type h3")[-1] == "Share of cells: O*NET"
    figure.locator("summary").click()
    head, *rows = [row.split("\t") for row in figure.locator("tr").all_inner_texts()]
    assert sorted(head[1:]) == sorted(f"Attribute {number}" for number in (1, 5, 9, 13, 17))
    with duckdb.connect(str(path), read_only=True) as connection:
        [(part, cells)] = connection.execute(
            "select sum(cells) filter (fill_status = 'onet'), sum(cells)"
            " from gold_imputation_coverage"
            " where job_family = 'family 0' and attribute_id = 'a1'"
        ).fetchall()
    [family] = [row for row in rows if row[0] == "family 0"]
    shown = float(family[head.index("Attribute 1")].rstrip("%"))
    assert shown == pytest.approx(100 * (part or 0) / cells, abs=0.051)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_axe_finds_no_violation(
    read: Callable[..., Seen],
    gold: Path,
    new_page: Callable[..., Path],
    scheme: str,
    language: str,
) -> None:
    """With a cell and every table open, wide and on a phone, no rule of WCAG A or AA is broken."""
    pytest.importorskip("axe_playwright_python", reason="axe-core is not installed: group dev")
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    seen = read(
        new_page(gold, language=language),
        WIDE if scheme == "light" else PHONE,
        color_scheme=scheme,
    )
    seen.open_cell("job title 3 attribute 11")
    seen.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    seen.page.evaluate(axe)
    found = seen.page.evaluate(
        "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", WCAG
    )
    assert len(found["passes"]) > 20
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []


@pytest.mark.parametrize("medium", ["screen", "print"])
def test_nothing_is_wider_than_the_page(
    read: Callable[..., Seen], page_file: Path, medium: str
) -> None:
    """On a phone and on paper the page needs no more width than there is."""
    seen = read(page_file, PHONE)
    seen.open_cell("job title 3 attribute 11")
    if medium == "print":
        seen.page.set_viewport_size({"width": 720, "height": 1000})
    seen.page.emulate_media(media=medium)
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert seen.page.evaluate(wider) == 0
    if medium == "print":
        assert seen.page.locator("nav").is_hidden()
        assert seen.page.locator("#coverage svg").first.is_visible()
        right = "all => Math.max(...all.map(one => one.getBoundingClientRect().right))"
        assert seen.page.locator("svg, table").evaluate_all(right) <= 720
        assert len(seen.page.pdf()) > 50_000


def test_plots_are_drawn_again_for_another_width(
    read: Callable[..., Seen], page_file: Path
) -> None:
    """A plot is as wide as its place, after the window has changed as before."""
    seen = read(page_file)
    bars = seen.page.locator("#coverage svg").first
    before = bars.evaluate("one => one.width.baseVal.value")
    seen.page.set_viewport_size({"width": PHONE, "height": 900})
    seen.page.wait_for_function(
        "document.querySelector('#coverage svg').width.baseVal.value < 390", timeout=10_000
    )
    assert before > 900


def test_the_policy_holds(
    read: Callable[..., Seen], page_file: Path, server: LoopbackServer
) -> None:
    """Neither a request nor a script that is not the page's own gets past it."""
    seen = read(page_file)
    blocked = seen.page.evaluate(
        """async (address) => {
            const blocked = [];
            document.addEventListener("securitypolicyviolation", event =>
                blocked.push(event.effectiveDirective));
            await fetch(address).catch(() => {});
            const script = document.createElement("script");
            script.textContent = "window.owned = 3";
            document.body.append(script);
            const image = document.createElement("img");
            image.src = `${address}/x.png`;
            document.body.append(image);
            while (blocked.length < 3) await new Promise(done => setTimeout(done, 20));
            return blocked.sort();
        }""",
        server.base_url,
    )
    assert blocked == ["connect-src", "img-src", "script-src-elem"]
    assert seen.page.evaluate("window.owned") is None
    assert server.count == 0
    # The browser tells on its console what it has blocked.
    assert len(seen.said) >= 3
    seen.said.clear()
    del seen.asked[1:]


def test_what_is_not_there_is_said(
    read: Callable[..., Seen], tmp_path: Path, new_page: Callable[..., Path]
) -> None:
    """An empty warehouse gives a page that says in each part which table is missing."""
    path = tmp_path / "empty.duckdb"
    duckdb.connect(str(path)).close()
    seen = read(new_page(path))
    assert "there is no table gold_job_attributes. Run dbt build." in " ".join(
        seen.texts("header p")
    )
    assert (
        "No review queue in this warehouse: there is no table gold_review_queue. Run dbt build."
        in seen.texts("#queue p")
    )
    assert seen.page.locator("figure").count() == 0
    assert set(seen.texts("#about td:last-child")) == {"not there: run dbt build"}
