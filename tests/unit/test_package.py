"""The package's shape: who may depend on whom, who owns a library, and what an idle run loads."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import jobforge
import pytest
from jobforge import errors

FOLDER = Path(jobforge.__file__).parent
# What a module or a package imports is in a layer before its own.
LAYERS = [
    {"redaction"},
    {"errors"},
    {"reasons"},
    {"settings", "limiter", "ledger"},
    {"requests", "history"},
    {"money"},
    {"provider", "summary"},
    {"progress"},
    {"answers"},
    {"live", "batch"},
    {"pipeline", "external"},
    {"evaluation"},
    {"review"},
    {"report"},
    {"cli"},
]
# The same within a room, whose own name stands for what it gives out.
INSIDE = {
    "redaction": [{"lines", "addresses"}, {"secrets"}, {""}],
    "requests": [
        {"inputs", "dialects", "limits"},
        {"schema", "estimates"},
        {"values"},
        {"prompts", "replies"},
        {"keys", "forms"},
        {""},
    ],
    "money": [{"prices"}, {"budget", "calibration"}, {"plan", "expenses"}, {""}],
    "provider": [
        {"faults", "interruption", "connection", "models"},
        {"completions"},
        {"client"},
        {"transport", "batch_api"},
        {""},
    ],
    "answers": [
        {"outcomes"},
        {"recorded", "follow_up"},
        {"known", "kept", "attempts"},
        {"bookkeeper", "claims", "drafts", "failures"},
        {"run"},
        {""},
    ],
    "live": [
        {"item", "retries", "schema_forms", "state"},
        {"recorder", "exchange"},
        {"sender"},
        {"executor"},
        {"blocking"},
        {"asker"},
        {""},
    ],
    "batch": [{"files", "state"}, {"sender", "collector"}, {"asker"}, {""}],
    "limiter": [{"bucket", "concurrency", "headers", "pace"}, {"known"}, {"limiter"}, {""}],
    "ledger": [
        {"errors", "hashes", "columns", "clock"},
        {"tables", "records", "location"},
        {"secrets", "dialects", "chain"},
        {"database", "migrations", "rows", "texts"},
        {"lookup", "claims", "entries", "streams", "reviews", "history"},
        {"batches", "verification", "retention", "archive"},
        {"transfer"},
        {"store"},
        {""},
    ],
    "history": [{"records"}, {"build", "past"}, {""}],
    "external": [{"models"}, {"llm"}, {""}],
    "review": [{"decisions", "sheet"}, {"workbook", "delimited", "checks"}, {""}],
    "evaluation": [
        {"agreement", "confidence", "tiers", "twins", "positions"},
        {"distributions"},
        {"probabilities"},
        {""},
    ],
    "report": [
        {"tables", "page"},
        {"coverage", "accuracy", "costs", "findings"},
        {"cells"},
        {"content"},
        {""},
    ],
    "cli": [
        {"project", "endpoint", "terminal"},
        {"ledger", "probe"},
        {"why", "doctor"},
        {"plan", "compare", "diff", "report", "review"},
        {""},
        {"__main__"},
    ],
}
OWNERS = {
    "openai": {"provider"},
    "httpx2": {"provider"},
    "aiohttp": {"provider"},
    "sqlalchemy": {"ledger"},
    "sqlite3": {"ledger"},
    "psycopg": {"ledger"},
    "rich": {"progress"},
    "typer": {"cli"},
    "yaml": {"cli"},
    "jinja2": {"report"},
    "duckdb": {"cli"},
    "dbt": set(),
    "sklearn": {"evaluation"},
    "krippendorff": {"evaluation"},
    "openpyxl": {"review"},
    "xllamacpp": set(),
}
MOST_ROOMS = 21


def _found() -> dict[str, Path]:
    found = {}
    for path in FOLDER.rglob("*.py"):
        parts = path.relative_to(FOLDER).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    found.pop("")
    return found


MODULES = _found()
# A docstring and nothing else; and the one that runs when it is imported.
WITHOUT_NAMES = {
    *("requests", "answers", "money", "provider", "live", "batch", "external", "evaluation"),
    *("history", "review", "report"),
    "cli.__main__",
}
PUBLIC = sorted(set(MODULES) - WITHOUT_NAMES)


def imports(name: str) -> set[str]:
    """The modules that a module imports, wherever in it, and the packages' names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                one = f"{node.module}.{alias.name}"
                found.add(one if one.removeprefix("jobforge.") in MODULES else node.module)
        elif isinstance(node, ast.ImportFrom):
            found.add("a relative import")
    return found


def ours(name: str) -> set[str]:
    """The modules of the package that a module imports."""
    return {one.removeprefix("jobforge.") for one in imports(name)} & set(MODULES)


def level(layers: list[set[str]], name: str) -> int:
    [number] = [number for number, layer in enumerate(layers) if name in layer]
    return number


def test_every_module_has_its_layer() -> None:
    """A new module is put into a layer, and none is named that is gone."""
    named = {
        f"{package}.{name}".removesuffix(".")
        for package, layers in INSIDE.items()
        for name in set.union(*layers)
    }
    named |= set.union(*LAYERS)
    assert named == set(MODULES)


def test_the_package_says_its_rooms_in_their_order() -> None:
    """The docstring of the package names every room, in the lines of the order above."""
    lines = [line[4:38] for line in (jobforge.__doc__ or "").splitlines() if line[:4] == "    "]
    drawn = [set(line.replace(",", " ").split()) for line in lines]
    assert drawn == LAYERS


def test_few_rooms_stand_at_the_top() -> None:
    """A stranger can take in the floor plan at one glance."""
    assert len(set.union(*LAYERS)) <= MOST_ROOMS


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_is_named_by_a_noun(name: str) -> None:
    """No participle names a module; blocking is what the one is about."""
    assert not name.endswith("ing") or name == "live.blocking"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_dependencies_point_one_way(name: str) -> None:
    """A module imports from layers before its own, and so does a package."""
    package, _, part = name.partition(".")
    assert "a relative import" not in imports(name)
    for used in ours(name):
        other, _, other_part = used.partition(".")
        if other != package:
            assert level(LAYERS, other) < level(LAYERS, package), used
        else:
            layers = INSIDE[package]
            assert level(layers, other_part) < level(layers, part), used


@pytest.mark.parametrize("library", sorted(OWNERS))
def test_a_library_has_one_owner(library: str) -> None:
    """openai is behind the client and the transport, the store behind the ledger, and so on."""
    users = {
        name.partition(".")[0]
        for name in MODULES
        if any(one.split(".")[0] == library for one in imports(name))
    }
    assert users == OWNERS[library]


@pytest.mark.parametrize("name", PUBLIC)
def test_all_names_exist(name: str) -> None:
    """Each module says what is public, and has it."""
    module = importlib.import_module(f"jobforge.{name}")
    assert sorted(set(module.__all__)) == sorted(module.__all__)
    assert all(hasattr(module, public) for public in module.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_things_have_a_docstring(name: str) -> None:
    """Every public class and function says what it is."""
    module = importlib.import_module(f"jobforge.{name}")
    for public in module.__all__:
        thing = getattr(module, public)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), public


@pytest.mark.parametrize("library", ["openai", "sqlalchemy"])
def test_an_idle_run_does_not_load(library: str) -> None:
    """openai is loaded at the first call, SQLAlchemy when a ledger is opened that is there."""
    program = (
        "import sys, jobforge.pipeline, jobforge.cli, jobforge.ledger as ledger\n"
        "assert ledger.existing_ledger('/nowhere/ledger.sqlite') is None\n"
        f"print({library!r} in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_the_command_line_prints_in_one_place() -> None:
    """What goes to a terminal is made harmless there."""
    printing = {name for name, path in MODULES.items() if "echo(" in path.read_text("utf-8")}
    assert printing == {"cli.terminal"}


def test_error_tree_is_drawn() -> None:
    """The docstring of the errors names every one of them, below its parent."""
    drawn = errors.__doc__ or ""
    for name in errors.__all__:
        error = getattr(errors, name)
        assert f" {name} " in f"{drawn} ".replace("\n", " "), name
        parent = error.__mro__[1].__name__
        if parent in errors.__all__:
            assert drawn.index(parent) < drawn.index(name)
