"""The pages about configuration and the input contract say what the project does, and no less."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
ENGINE = (ROOT / "docs/engine.md").read_text(encoding="utf-8")
CONTRACT_PAGE = (ROOT / "docs/input_contract.md").read_text(encoding="utf-8")
TRUST = (ROOT / "docs/trust.md").read_text(encoding="utf-8")
DBT_PROJECT = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
SQL = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("macros", "models", "tests/dbt")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".sql", ".yml")
)
PYTHON = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("python_models", "tools")
    for path in sorted((ROOT / folder).rglob("*.py"))
)


def contract() -> dict[str, dict[str, str]]:
    """Return the need of each column, by input, as the macro has it."""
    text = (ROOT / "macros/inputs/input_contract.sql").read_text(encoding="utf-8")
    inputs = re.findall(r'"(\w+)": \{([^{}]*)\}', text)
    return {name: dict(re.findall(r'"(\w+)": "(\w+)"', body)) for name, body in inputs}


def section(page: str, title: str) -> str:
    """Return the page's text below the heading of that title, to the next heading."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", page, re.M | re.S)
    assert found, f"no heading {title!r}"
    return found[1]


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of the table rows that begin with code."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("| `")
    ]


def names(cell: str) -> list[str]:
    """Return what stands as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def documented_vars() -> dict[str, str]:
    """Return the cell of the default of each var on the page."""
    rows = table_rows(section_of_vars())
    return {name: row[1] for row in rows for name in names(row[0])}


def section_of_vars() -> str:
    """Return the page's part about vars."""
    return CONFIGURATION.split("\n## Vars\n")[1].split("\n## Environment variables\n")[0]


def test_the_contract_is_read_from_the_macro() -> None:
    """The test's own reading of the macro finds the inputs and their columns."""
    assert contract()["oasis_profiles"] == {
        "oasis_profile": "required",
        "profile_label": "required",
    }
    assert len(contract()) == 9


@pytest.mark.parametrize("name", sorted(DBT_PROJECT["vars"]))
def test_every_var_is_on_the_page_with_its_default(name: str) -> None:
    """A var of dbt_project.yml stands on the page with the default that it has."""
    default = DBT_PROJECT["vars"][name]
    cell = documented_vars().get(name)
    assert cell is not None, f"docs/configuration.md does not explain the var {name}"
    expected = {"": "empty", "{}": "`{}`", "None": "`null`"}.get(str(default), f"`{default}`")
    assert cell.startswith(expected), f"its default is {default!r}, the page says {cell}"


def test_no_var_on_the_page_is_unknown() -> None:
    """Every var on the page is one of dbt_project.yml, or the override of one input."""
    known = set(DBT_PROJECT["vars"]) | {f"input_{name}" for name in contract()}
    assert set(documented_vars()) == known


def test_every_var_that_models_and_macros_read_has_a_default() -> None:
    """A var that is read in SQL or yml is one of dbt_project.yml's."""
    read = set(re.findall(r"""\bvar\(['"](\w+)['"]\)""", SQL))
    assert read
    assert read <= set(DBT_PROJECT["vars"])


def test_every_environment_variable_is_on_the_page() -> None:
    """The variables that the project reads are those that the page explains."""
    profile = (ROOT / "profiles.yml").read_text(encoding="utf-8")
    read = set(re.findall(r"""env_var\(['"](\w+)['"]""", SQL + profile))
    read |= set(re.findall(r"""os\.environ\.get\(\s*"(\w+)\"""", PYTHON))
    read |= set(re.findall(r"""\"(JOBFORGE_\w+)\"""", PYTHON))
    read = {name for name in read if name.startswith(("JOBFORGE_", "OPENAI_"))}
    assert read
    rows = table_rows(section(CONFIGURATION, "Environment variables"))
    assert {name for row in rows for name in names(row[0])} == read


@pytest.mark.parametrize("name", sorted(contract()))
def test_every_column_of_an_input_is_on_the_page(name: str) -> None:
    """An input's columns stand on the page in the contract's order, null where they may be."""
    rows = table_rows(section(CONTRACT_PAGE, name))
    needs = {
        names(row[0])[0]: "required" if row[2].split(",")[0] == "no" else "optional" for row in rows
    }
    assert list(needs.items()) == list(contract()[name].items())
    assert all(len(row) == 5 and all(row) for row in rows), "a cell is empty"


def test_every_reason_on_the_page_is_one_that_a_row_can_get() -> None:
    """The beginnings of reasons that the page lists are in the models, word for word."""
    joined = re.sub(r"'\s*\|\|\s*'", "", SQL).replace("''", "'")
    rows = table_rows(section(CONTRACT_PAGE, "What happens to a bad row"))
    reasons = [row for row in rows if len(row) == 2 and not names(row[0])[0].isidentifier()]
    assert reasons
    for row in reasons:
        for reason in names(row[0]):
            for part in re.split(r"…|\d+", reason):
                assert part.strip() in joined, f"no model says {part!r}"


def test_every_module_on_the_engines_page_exists() -> None:
    """A room or a module that the page names is in the package, and every room is named."""
    package = ROOT / "python_models/jobforge"
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms -= {"__init__", "__pycache__"}
    named = {name for name in names(ENGINE) if re.fullmatch(r"[a-z_]+(/[a-z_]+)?", name)}
    modules = {name for name in named if name.partition("/")[0] in rooms}
    assert len(modules) > 30
    for name in modules:
        assert (package / f"{name}.py").is_file() or (package / name).is_dir(), name
    for name in named - modules:
        assert "/" not in name or (ROOT / name).exists(), f"{name} is no module"
    assert {name.partition("/")[0] for name in modules} >= rooms - {"redaction", "cli", "external"}


def test_every_file_and_model_on_the_engines_page_exists() -> None:
    """Paths are there, and what begins like a model is one."""
    for name in names(ENGINE):
        if re.fullmatch(r"[\w./]+\.(py|sql|csv|yml)", name):
            assert (ROOT / name).is_file(), name
        elif name.startswith(("int_", "stg_", "gold_")):
            assert list((ROOT / "models").rglob(f"{name}.sql")), name


def test_every_warning_about_answers_is_on_the_page_with_what_to_do() -> None:
    """The page about trust has each test that goes by a threshold for answers, and no other."""
    tests = {
        path.stem
        for path in (ROOT / "tests/dbt").glob("*.sql")
        if re.search("lint_|named_comparable_value", path.read_text(encoding="utf-8"))
    }
    rows = table_rows(section(TRUST, "When the answers tell nothing"))
    assert len(tests) == 7
    assert {name for row in rows for name in names(row[0])} == tests
    assert all(len(row) == 2 and row[1] for row in rows)


def test_every_threshold_for_answers_is_read_by_a_test() -> None:
    """A var of the warnings decides something."""
    thresholds = {name for name in DBT_PROJECT["vars"] if name.startswith("lint_")}
    assert thresholds
    assert thresholds == set(re.findall(r'var\("(lint_\w+)"\)', SQL))
