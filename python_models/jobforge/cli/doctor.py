"""`jobforge doctor`: is everything in place for a run, and what to do where it is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from jobforge.cli.endpoint import Check, check_endpoint
from jobforge.cli.ledger import LedgerOption
from jobforge.cli.probe import probe
from jobforge.cli.project import Project, ledger_url, read_vars
from jobforge.cli.terminal import say
from jobforge.errors import JobForgeError, SettingsError
from jobforge.ledger import existing_ledger
from jobforge.ledger.location import Location
from jobforge.money.prices import ModelPrice, PriceTable, resolve_price
from jobforge.provider.connection import Connection
from jobforge.provider.models import ModelFacts, facts_of
from jobforge.settings import DEFAULT_MODEL, Settings

__all__ = ["doctor"]

_PACKAGES = ("jobforge", "dbt-core", "dbt-duckdb", "duckdb", "openai", "pyarrow", "sqlalchemy")


def doctor(
    call: Annotated[
        bool, typer.Option("--call", help="Also ask the model, in a few small requests.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="Model; without it the project's llm_model.")
    ] = None,
    vars: Annotated[
        str | None, typer.Option("--vars", help="dbt vars, as for dbt build.", show_default=False)
    ] = None,
    ledger: LedgerOption = None,
) -> None:
    """Check versions, project, key, address, model, price and ledger.

    The exit code is 1 where something must be put right first.
    """
    problems = 0
    for check in _checks(call, model, vars, ledger):
        problems += check.state == "problem"
        say(f"{check.state:<9}{check.name:<14}{check.says}")
    if problems:
        say(f"{problems} problem{'s' if problems > 1 else ''}")
        raise typer.Exit(1)


def _checks(call: bool, model: str | None, vars: str | None, ledger: str | None) -> Iterator[Check]:
    yield _versions()
    project = Project.find()
    settings = {**(project.vars if project else {}), **read_vars(vars)}
    model = model or str(settings.get("llm_model") or DEFAULT_MODEL)
    if project is None:
        yield Check("project", "problem", "no dbt_project.yml in this folder or above it")
    else:
        yield Check("project", "ok", str(project.folder))
    yield _ledger(ledger)
    connection = None
    try:
        connection = Connection.from_environment()
    except SettingsError as error:
        yield Check("connection", "problem", str(error))
    else:
        yield _connection(connection)
    price: ModelPrice | None = None
    if project is not None:
        check, price = _price(project, model, settings, connection)
        yield check
        facts = _facts(project, model)
        yield from _end(facts, connection)
        if facts.reasoning_effort:
            settings = {"llm_reasoning_effort": facts.reasoning_effort, **_set(settings)}
    if connection is not None:
        yield from check_endpoint(connection, model)
        if call:
            yield from probe(connection, model, settings, price)
        else:
            yield Check("schemas", "note", "not tried: --call asks the model")


def _versions() -> Check:
    found, missing = [], []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Check("versions", "problem", f"not installed: {', '.join(missing)}")
    return Check("versions", "ok", ", ".join(found))


def _connection(connection: Connection | None) -> Check:
    if connection is None:
        return Check(
            "connection",
            "note",
            "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: missing cells wait or are replayed",
        )
    key = "with a key" if os.environ.get("OPENAI_API_KEY") else "without a key"
    return Check("connection", "ok", f"{connection.shown}, {key}")


def _price(
    project: Project, model: str, settings: dict[str, Any], connection: Connection | None
) -> tuple[Check, ModelPrice | None]:
    try:
        own = Settings.from_config({"llm_prices": settings.get("llm_prices")}).prices
        table = PriceTable(project.price_rows(), own)
        price = resolve_price(
            table,
            model,
            is_local=connection is not None and connection.is_local,
            waiver=settings.get("llm_price_waiver") is True,
            cost_is_capped=True,
        )
    except SettingsError as error:
        return Check("price", "problem", str(error)), None
    if price is None:
        says = f"{model}: waived, so only calls and tokens are capped"
        return Check("price", "note", says), None
    written = "" if price.cache_write is None else f", {price.cache_write} written to the cache"
    as_of = f" ({price.as_of}, {price.source})" if price.as_of else f" ({price.source})"
    says = (
        f"{model}: {price.input} in, {price.cached_input} cached{written}, {price.output} out,"
        f" USD for a million tokens{as_of}"
    )
    return Check("price", "ok", says), price


def _facts(project: Project, model: str) -> ModelFacts:
    try:
        return facts_of(project.price_rows().to_pylist(), model)
    except SettingsError:
        # The price's check has said what the matter is.
        return ModelFacts(model)


def _set(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value not in (None, "")}


def _end(facts: ModelFacts, connection: Connection | None) -> Iterator[Check]:
    if connection is not None and not connection.is_openais_own:
        return
    today = datetime.now(UTC).date()
    said = facts.end(today)
    if said is not None:
        yield Check("model's end", "problem" if facts.is_shut_down(today) else "note", said)


def _ledger(url: str | None) -> Check:
    try:
        url = ledger_url(url)
        opened = existing_ledger(url)
        if opened is None:
            return Check("ledger", "ok", f"{Location.of(url)}: the first build begins it")
        with opened:
            stats = opened.stats()
    except JobForgeError as error:
        return Check("ledger", "problem", str(error))
    return Check(
        "ledger",
        "ok",
        f"{stats.location}: {stats.answered:,} answers by {stats.attempts:,} attempts,"
        f" {stats.cost_usd:,.2f} USD; `jobforge ledger verify` derives every hash anew",
    )
