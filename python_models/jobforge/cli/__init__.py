"""The command `jobforge`: is everything in place, what would a run cost, where is an answer from,
and a page about all of it.

Only `doctor --call` and `compare` ask a model. No command shows a key.
"""

from __future__ import annotations

import sys

import typer

from jobforge.cli import compare, diff, doctor, ledger, plan, report, review, why
from jobforge.cli.terminal import say
from jobforge.errors import JobForgeError

__all__ = ["app", "main"]

# A traceback with local variables could show a key.
app = typer.Typer(
    help="Looks after JobForge's runs: their costs, their ledger, their answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("doctor")(doctor.doctor)
app.command("plan", context_settings=plan.PASSES_OPTIONS_ON)(plan.plan)
app.command("compare", context_settings=plan.PASSES_OPTIONS_ON)(compare.compare)
app.command("why")(why.why)
app.command("diff")(diff.diff)
app.command("report")(report.report)
app.add_typer(ledger.app, name="ledger")
app.add_typer(review.app, name="review")


def main() -> None:
    """Run the command line; what JobForge itself finds wrong is one line and the exit code 2."""
    try:
        app()
    except JobForgeError as error:
        say(f"error: {error}", err=True)
        sys.exit(2)
