"""The file: nothing in it but what belongs there, built from what stands in the project."""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import json
import re
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import jobforge
import pytest
import yaml
from jobforge.report.content import TABLES
from jobforge.report.page import LANGUAGES, page
from support.gold import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "assets/report"
ASSETS = files("jobforge.report") / "assets"


def asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


TEXTS: dict[str, dict[str, str]] = {
    language: json.loads(asset(f"texts.{language}.json")) for language in LANGUAGES
}


class Reader(HTMLParser):
    """The elements of a page with their attributes and, of scripts and styles, what is in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.open = False
        self.comments: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside.append("")
        self.open = True

    def handle_endtag(self, tag: str) -> None:
        self.open = False

    def handle_data(self, data: str) -> None:
        if self.open:
            self.inside[-1] += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def texts_of(self, tag: str) -> list[str]:
        return [
            text for (name, _), text in zip(self.elements, self.inside, strict=True) if name == tag
        ]


@pytest.fixture(scope="module")
def written(page_file: Path) -> Reader:
    return Reader(page_file.read_text(encoding="utf-8"))


def test_a_text_stays_a_text(written: Reader, page_file: Path) -> None:
    """A rationale with markup ends no script and begins no comment, and is read back whole."""
    assert [tag for tag, _ in written.elements if tag in ("script", "img", "link", "b")] == [
        *("script", "script")
    ]
    assert written.comments == []
    content = json.loads(written.texts_of("script")[0])
    rationales = {cell.get("rationale") for cell in content["search"]["cells"]}
    assert HOSTILE.replace("\u2028", "\\u2028").replace("\u202e", "\\u202e") in rationales
    raw = page_file.read_text(encoding="utf-8")
    assert "<!--" not in raw
    assert not set("\u2028\u2029\u202e") & set(raw)
    assert "49" not in {rationale for rationale in rationales if rationale}


def test_separators_in_any_text_are_escapes() -> None:
    """Even a text that nobody has made visible cannot end its line or its block."""
    content = {"text": "\u2028\u2029</script><!--&"}
    raw = page(content)
    block = Reader(raw).texts_of("script")[0]
    assert json.loads(block)["text"] == content["text"]
    assert not set("\u2028\u2029<>&") & set(block)


def test_the_policy_allows_what_is_in_the_page_and_nothing_else(written: Reader) -> None:
    """One program and its styles by their hashes; no source is named, nothing unsafe allowed."""
    [policy] = [
        str(attributes["content"])
        for _, attributes in written.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    _, program = written.texts_of("script")
    [style] = written.texts_of("style")
    assert rules["script-src"] == hash_of(program)
    assert rules["style-src"].split(" ")[0] == hash_of(style)
    assert set(rules) == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert re.fullmatch(r"('sha256-[\w+/=]+' ?)+", rules["style-src"])


def hash_of(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_nothing_is_fetched_by_address(written: Reader) -> None:
    """No element names a file or an address."""
    named = ("src", "href", "srcset", "data", "action")
    assert not [tag for tag, attributes in written.elements if set(named) & set(attributes)]


def test_the_page_is_in_the_language_that_was_asked_for() -> None:
    """Title and language of the file are the language's; both languages are in it."""
    for language in LANGUAGES:
        reader = Reader(page({}, language))
        assert dict(reader.elements)["html"] == {"lang": language}
        assert reader.texts_of("title")[0].strip() == TEXTS[language]["title"]
        content = json.loads(reader.texts_of("script")[0])
        assert (content["language"], content["texts"]) == (language, TEXTS)


def test_both_languages_say_the_same_things() -> None:
    """Each text is there in both with the same values in it, and none is the other's."""
    english, french = TEXTS["en"], TEXTS["fr"]
    assert list(english) == list(french)
    for key in english:
        values = [sorted(set(re.findall(r"\{(\w+)\}", text[key]))) for text in (english, french)]
        assert values[0] == values[1], key
        assert french[key].strip(), key
    same = {
        key for key in english if re.search("[a-z]", english[key]) and english[key] == french[key]
    }
    assert {english[key] for key in same} <= {
        *("{cells} ({share})", "{name}", "place {rank}"),
        *("Source", "Sources", "Verdict", "Place", "Table"),
    }


def test_a_plural_has_both_forms() -> None:
    """A text of one has a text of several beside it."""
    for language in LANGUAGES:
        forms = {key.rpartition(".") for key in TEXTS[language] if key.endswith((".one", ".other"))}
        assert forms
        for name, _, _ in forms:
            assert {(name, ".", "one"), (name, ".", "other")} <= forms, name


def program_sources() -> Iterator[str]:
    for path in sorted((SOURCES / "src").rglob("*.js")):
        yield path.read_text(encoding="utf-8")


def test_every_text_that_the_program_asks_for_is_there() -> None:
    """No key is asked for in vain, and no text of the page is left over."""
    source = "\n".join(program_sources())
    asked = set(re.findall(r'\bsay\(\s*"([\w.]+)"', source))
    asked |= set(re.findall(r'\["(\w+_fact)"', source))
    keys = set(TEXTS["en"])
    assert asked
    stems = keys | {key.removesuffix(".other") for key in keys}
    assert asked <= stems
    lists = {f"{name}." for name in re.findall(r'\bterm\("(\w+)"', source)}
    lists |= {f"{name}." for name in re.findall(r"\bsay\(`(\w+)\.", source)}
    words = set(re.findall(r'"([\w.]+)"', source))
    for key in keys - {"no_program"}:
        stem = re.sub(r"\.(one|other)$", "", key)
        assert stem in words or any(key.startswith(one) for one in lists), key


def test_every_table_has_its_words() -> None:
    """Each table of the page is named, and what it means that it has no rows is said."""
    for language in LANGUAGES:
        for table in TABLES:
            assert f"of.{table}" in TEXTS[language]
            if table != "gold_jobs_wide":
                assert f"empty.{table}" in TEXTS[language]


def accepted(file: str, model: str, column: str) -> set[str]:
    """Return the closed list that a gold column's own test holds."""
    content = yaml.safe_load((ROOT / "models/gold" / file).read_text(encoding="utf-8"))
    [found] = [
        test["accepted_values"]["arguments"]["values"]
        for one in content["models"]
        if one["name"] == model
        for field in one["columns"]
        if field["name"] == column
        for test in field["data_tests"]
    ]
    return set(found)


def seed(name: str, column: str) -> set[str]:
    with (ROOT / f"seeds/reference/{name}.csv").open(encoding="utf-8", newline="") as rows:
        return {row[column] for row in csv.DictReader(rows)}


_ACCURACY = "_gold_accuracy__models.yml"
LISTS = {
    "status": seed("fill_statuses", "fill_status"),
    "source": seed("source_precedence", "source_type"),
    "level": seed("inheritance_levels", "inheritance_level"),
    "basis": accepted("_gold__models.yml", "gold_job_attributes", "confidence_basis"),
    "type": accepted("_gold__models.yml", "gold_job_attributes", "value_type"),
    "estimator": accepted(_ACCURACY, "gold_imputation_accuracy", "estimator"),
    "feature": accepted(_ACCURACY, "gold_imputation_reliability", "feature"),
    "comparison": accepted(_ACCURACY, "gold_model_comparison", "comparison"),
    "measurement": accepted(_ACCURACY, "gold_imputation_accuracy", "measurement")
    | accepted("_gold_estimates__models.yml", "gold_family_estimates", "measurement"),
    "grouped": accepted("_gold_estimates__models.yml", "gold_family_estimates", "grouped_by"),
    "rationale": {"before", "after", "none"},
    "change": seed("cell_change_kinds", "change_kind"),
    "error_basis": accepted("_gold_review__models.yml", "gold_review_queue", "error_basis"),
}


@pytest.mark.parametrize("name", sorted(LISTS))
def test_codes_of_closed_lists_are_in_words(name: str) -> None:
    """Each code that gold can hold is said in both languages, and none that it cannot."""
    for language in LANGUAGES:
        said = {key.partition(".")[2] for key in TEXTS[language] if key.startswith(f"{name}.")}
        assert said == LISTS[name]


def test_the_program_is_built_from_its_sources() -> None:
    """What the package carries was built from the very files that stand in assets/report."""
    built: dict[str, Any] = json.loads(asset("build.json"))
    paths = [*(SOURCES / "src").rglob("*.js")]
    paths += [SOURCES / name for name in ("build.mjs", "package.json", "package-lock.json")]
    assert built["sources"] == {
        path.relative_to(SOURCES).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }, "build it anew: make report-asset"
    assert built["program"] == hashlib.sha256(asset("report.js").encode()).hexdigest()
    assert built["styles"]


def test_every_package_in_the_program_has_its_licence() -> None:
    """The notices beside the program begin with the library, and are in the page as well."""
    notices = asset("LICENSES.txt")
    assert "@observablehq/plot 0.6.17 (ISC)" in notices
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    plot = lock["packages"]["node_modules/@observablehq/plot"]
    for name in plot["dependencies"]:
        # d3 is a bundle of packages, each with a notice of its own.
        assert f"{name} " in notices or name == "d3", name
    assert json.loads(Reader(page({})).texts_of("script")[0])["licences"] == notices


def test_the_package_carries_its_files() -> None:
    """Every file that is no Python is package data, so that an installed package has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["jobforge"]
    folder = Path(jobforge.__file__).parent
    others = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    assert {"report/assets/report.js", "report/assets/page.html"} <= set(others)
    for name in others:
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name
