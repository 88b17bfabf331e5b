"""`asahi governance apply -f governance.yaml`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agents.governance.change import Change, differences
from agents.governance.commands.log import (
    By,
    carry_out,
    changing,
    read_version,
    show_changes,
    tell_known,
    tell_unenforced,
    who_by,
)
from agents.governance.declared import declared_changes
from agents.governance.encryption.issuing import issue_missing
from schemas.errors import ConfigurationError
from streams.cli.display import console, emit_json
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end


@click.command()
@click.option("-f", "--file", "file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="YAML.")
@click.option("--prune", is_flag=True, help="Remove teams and users of its tenants that the file leaves out.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the changes for programs; nothing is asked.")
@changing
@click.pass_obj
def apply(
    invocation: Invocation,
    file: Path,
    prune: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    by: By,
) -> int:
    """Make the registry say what a file says: shows the difference first, then asks.

    What the file does not name stays, unless it belongs to one of its tenants and --prune is given. Docs:
    docs/governance.md.
    """
    settings = invocation.attached()
    try:
        text = file.read_bytes()
    except OSError as missing:
        raise ConfigurationError(f"{file}: {missing.strerror}") from missing
    registry, version = run_to_end(read_version(settings))
    changes = declared_changes(text, file.name, registry, prune=prune)
    if as_json:
        emit_json([_document(change) for change in changes])
    elif changes:
        show_changes(changes)
    else:
        console().print("nothing changes")
    if changes and dry_run and not as_json:
        console().print(f"dry run: nothing was changed; without --dry-run it would be {_count(changes)}")
    if not changes or dry_run:
        return 0
    if not yes and not as_json and sys.stdin.isatty():
        click.confirm(f"make {_count(changes)}?", abort=True, err=True)
    elif not yes:
        raise ConfigurationError(f"{_count(changes)} not made; say --yes to make them without being asked")
    who = who_by(by, settings, registry, changes)
    tell_unenforced(settings, changes)
    run_to_end(issue_missing(settings, registry, changes, who))
    tell_known(*run_to_end(carry_out(settings, changes, who, version)))
    return 0


def _count(changes: list[Change]) -> str:
    return f"{len(changes)} change{'' if len(changes) == 1 else 's'}"


def _document(change: Change) -> dict[str, object]:
    return {"about": str(change.place), "action": change.action, "differences": list(differences(change))}
