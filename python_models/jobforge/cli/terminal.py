"""The one place where the command line's words go to a terminal."""

from __future__ import annotations

import typer

from jobforge.redaction import visible

__all__ = ["say"]


def say(text: str, *, err: bool = False) -> None:
    """Print a text; what is hidden in it or would steer a terminal is shown as its escape."""
    typer.echo(visible(text), err=err)
