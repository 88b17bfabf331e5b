"""Writes the generated files below the working directory: `python -m streams.contract`."""

from __future__ import annotations

from pathlib import Path

import click

from streams.contract.documents import write

changed = write(Path())
for path in changed:
    click.echo(f"wrote {path}")
if not changed:
    click.echo("everything is up to date")
