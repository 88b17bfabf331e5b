"""Groups of commands that are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from streams.named import load_named


@dataclass(frozen=True, slots=True)
class Entry:
    """A command that is imported when it is asked for.

    Attributes:
        place: `module:attribute`.
        summary: One line for `asahi --help`.
    """

    place: str
    summary: str


class LazyCommands(click.Group):
    """A group that imports a command only when it runs: `--help` and errors come at once.

    A command may live in the room whose work it shows: the group knows it by name alone, so that nothing here imports
    an agent.

    Args:
        entries: The commands by name, most wanted first.
    """

    def __init__(self, *args: Any, entries: Mapping[str, Entry] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entries = dict(entries or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, most wanted first."""
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        command = load_named(entry.place)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self._entries.items()])
