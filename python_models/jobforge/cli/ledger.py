"""`jobforge ledger`: is it whole, what is in it, and moving it between machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobforge.cli.project import ledger_url
from jobforge.cli.terminal import say
from jobforge.ledger import Fault, existing_ledger, open_ledger
from jobforge.ledger.errors import LedgerError
from jobforge.ledger.location import Location

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["LedgerOption", "app", "required_ledger"]

_FAULTS_SHOWN = 20

app = typer.Typer(
    help="Checks, counts and moves the ledger of answers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="Path or postgresql:// address; without it JOBFORGE_LEDGER or the default.",
        show_default=False,
    ),
]


def required_ledger(url: str | None) -> Ledger:
    """Open the ledger for reading; raises LedgerError where none was begun yet."""
    url = ledger_url(url)
    ledger = existing_ledger(url)
    if ledger is None:
        raise LedgerError(f"there is no ledger {Location.of(url)}: the first build begins it")
    return ledger


@app.command()
def verify(ledger: LedgerOption = None) -> None:
    """Derive every hash anew; exit code 1 where something does not hold."""
    faults = 0
    with required_ledger(ledger) as opened:
        for fault in opened.verify():
            faults += 1
            if faults <= _FAULTS_SHOWN:
                say(f"{fault.table} {fault.key}: {fault.message}")
        stats = opened.stats()
        recordings = len(opened.recordings())
    if faults:
        more = f", {faults - _FAULTS_SHOWN} of them not shown" if faults > _FAULTS_SHOWN else ""
        say(f"{faults} faults{more} in {stats.location}")
        raise typer.Exit(1)
    say(
        f"{stats.location} is whole: {stats.attempts:,} attempts,"
        f" {stats.answered + stats.refused:,} answers and refusals,"
        f" {recordings:,} recordings of gold's history"
    )


@app.command()
def stats(ledger: LedgerOption = None) -> None:
    """Say what the ledger holds and what it cost."""
    with required_ledger(ledger) as opened:
        found = opened.stats()
        recordings = opened.recordings()
    histories = ", ".join(sorted({one.history for one in recordings})) or "none"
    for name, text in (
        ("ledger", f"{found.location} (schema {found.schema_version}, {found.bytes:,} bytes)"),
        ("answered cells", f"{found.answered:,}"),
        ("refused cells", f"{found.refused:,}"),
        ("attempts", f"{found.attempts:,} in {found.runs:,} runs"),
        ("tokens in", f"{found.prompt_tokens:,}, {found.cached_tokens:,} of them cached"),
        ("tokens out", f"{found.completion_tokens:,}"),
        ("cost", f"{found.cost_usd:,.4f} USD, where the price was known"),
        ("claimed cells", f"{found.claims:,}"),
        ("history of gold", f"{len(recordings):,} recordings: {histories}"),
        ("in open batches", f"{found.pending_cells:,} cells in {found.open_batches:,} batches"),
    ):
        say(f"{name:<16}{text}")


@app.command()
def batches(ledger: LedgerOption = None) -> None:
    """List the batches that have not been collected yet."""
    with required_ledger(ledger) as opened:
        found = opened.open_batches()
    for batch in found:
        at_provider = batch.api_batch_id or "not known at the provider"
        say(f"{batch.local_id}  {at_provider}  since {batch.created_at:%Y-%m-%d %H:%M} UTC")
    say(f"{len(found)} open batches; a run with llm_mode: batch collects them")


@app.command("give-up")
def give_up(batch: str, ledger: LedgerOption = None) -> None:
    """Free the cells of a batch that nobody can collect: they may be asked, and paid for, again."""
    required_ledger(ledger).close()
    with open_ledger(ledger_url(ledger)) as opened:
        found = [one for one in opened.open_batches() if batch in (one.local_id, one.api_batch_id)]
        if not found:
            raise LedgerError(
                f"there is no open batch {batch!r}: `jobforge ledger batches` lists them"
            )
        local_id = found[0].local_id
        opened.finish_batch(local_id, "abandoned")
    say(f"batch {local_id} is given up: its cells may be asked again")


def _beside(path: Path) -> Path:
    """Return the file of the histories that goes with an export."""
    return path.with_name(f"{path.stem}.history.parquet")


@app.command()
def export(path: Path, ledger: LedgerOption = None) -> None:
    """Write every attempt with its answers to a Parquet file, and gold's history beside it."""
    with required_ledger(ledger) as opened:
        attempts = opened.export(path)
        recordings = opened.export_histories(_beside(path))
    say(f"{attempts:,} attempts with their answers are in {path}")
    if recordings:
        say(f"{recordings:,} recordings of gold's history are in {_beside(path)}")


@app.command("import")
def import_(path: Path, ledger: LedgerOption = None) -> None:
    """Add the attempts of an exported file; nothing is overwritten, faulty rows stay out.

    The history of gold comes with it where its file is beside that one.
    """
    history = _beside(path)
    with open_ledger(ledger_url(ledger)) as opened:
        report = opened.import_(path)
        recordings, left_out = (
            opened.import_histories(history) if history.is_file() else (0, list[Fault]())
        )
    say(
        f"{report.new_attempts:,} attempts and {report.new_answers:,} answers are new,"
        f" {report.known_attempts:,} attempts were here already"
        + (f"; {report.new_reviews:,} reviews are new" if report.new_reviews else "")
    )
    if history.is_file():
        say(f"{recordings:,} recordings of gold's history are new")
    faults = [*report.faults, *left_out]
    for fault in faults[:_FAULTS_SHOWN]:
        say(f"left out: {fault.table} {fault.key}: {fault.message}")
    if faults:
        say(f"{len(faults)} faults")
        raise typer.Exit(1)
