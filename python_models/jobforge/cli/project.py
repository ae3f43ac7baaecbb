"""The dbt project and the warehouse that the command line reads; it writes neither."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from jobforge.errors import JobForgeError, SettingsError
from jobforge.ledger.location import (
    DEFAULT_WAREHOUSE,
    WAREHOUSE_VARIABLE,
    ledger_of,
)

__all__ = ["Project", "Warehouse", "WarehouseUnavailableError", "ledger_url", "read_vars"]

_PACKAGE = "jobforge"
_PROJECT = "dbt_project.yml"
_PRICES = Path("seeds/reference/model_prices.csv")


class WarehouseUnavailableError(JobForgeError):
    """The warehouse cannot be read now; the message says why."""


@dataclass(frozen=True, slots=True)
class Project:
    """The dbt project in which people work: JobForge's own, or one that has it as a package.

    `package` is JobForge's folder in it; `vars` are those that JobForge gets there without --vars.
    """

    folder: Path
    package: Path
    vars: dict[str, Any]

    @classmethod
    def find(cls, start: Path | None = None) -> Project | None:
        """Return the project in this folder or one above it, or None."""
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / _PROJECT).is_file():
                content = _content(folder)
                packages = folder / str(content.get("packages-install-path") or "dbt_packages")
                installed = packages / _PACKAGE
                package = installed if (installed / _PROJECT).is_file() else folder
                return cls(folder, package, _vars(folder, package))
        return None

    def price_rows(self) -> pa.Table:
        """Return the price list that JobForge ships."""
        file = self.package / _PRICES
        if not file.is_file():
            raise SettingsError(
                f"there is no price list {_PRICES}: this project is not JobForge's own, so name it"
                " in packages.yml and run dbt deps"
            )
        with file.open(encoding="utf-8", newline="") as rows:
            return pa.Table.from_pylist(list(csv.DictReader(rows)))


def _content(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / _PROJECT).read_text("utf-8")) or {})


def _vars(folder: Path, package: Path) -> dict[str, Any]:
    """Return the vars in dbt's order: the package's, then the project's, each the scoped last."""
    name = _content(package).get("name")
    found: dict[str, Any] = {}
    for place in (package, folder):
        given = dict(_content(place).get("vars") or {})
        scoped = given.pop(name, None)
        found |= given | dict(scoped or {})
    return found


def read_vars(text: str | None) -> dict[str, Any]:
    """Return what `--vars` gives, as dbt reads it; raises SettingsError for anything else."""
    try:
        given = yaml.safe_load(text or "{}")
    except yaml.YAMLError:
        given = None
    if not isinstance(given, dict):
        raise SettingsError("--vars is not a mapping such as '{llm_model: gpt-4.1-mini}'")
    return given


def ledger_url(given: str | None) -> str | None:
    """Return the ledger that is given, the environment's, or else the project's own."""
    project = Project.find()
    return given if given or project is None else ledger_of(project.folder)


class Warehouse:
    """The DuckDB file that dbt builds, opened for reading while nobody writes."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise WarehouseUnavailableError(f"there is no warehouse file {path}")
        try:
            self._connection = duckdb.connect(str(path), read_only=True)
            # Its bar would go to the terminal beside the command's own words.
            self._connection.execute("set enable_progress_bar = false")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            if "lock" in reason.lower():
                reason = "another program has it open"
            raise WarehouseUnavailableError(
                f"the warehouse {path} cannot be read now: {reason}"
            ) from None

    @staticmethod
    def path(given: Path | None, project: Project | None) -> Path:
        """Return the file that is given, or else the environment's, or else the project's."""
        named = os.environ.get(WAREHOUSE_VARIABLE)
        if given or named:
            return Path(given or str(named))
        return (project.folder if project else Path()) / DEFAULT_WAREHOUSE

    def columns(self, table: str) -> list[str]:
        """Return the table's columns in their order; none where there is no such table."""
        schema = self._schema(table)
        found = self._connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = ? and table_name = ? order by ordinal_position",
            [schema, table],
        ).fetchall()
        return [name for (name,) in found]

    def rows(self, table: str, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Return the rows of a query, in which `{table}` stands for the table by that name."""
        schema = self._schema(table)
        if schema is None:
            raise WarehouseUnavailableError(f"the warehouse has no {table} yet: run dbt build")
        cursor = self._connection.execute(
            sql.replace("{table}", f'"{schema}"."{table}"'), list(parameters)
        )
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _schema(self, table: str) -> str | None:
        found = self._connection.execute(
            "select table_schema from information_schema.tables where table_name = ?"
            " order by table_schema",
            [table],
        ).fetchall()
        return str(found[0][0]) if found else None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
