"""`asahi cache`: what the cache saved, what it holds, and how to take answers out of it."""

from __future__ import annotations

import click

from streams.cli.lazy import Entry, LazyCommands

COMMANDS = {
    "stats": Entry("agents.cache.commands.stats:stats", "What each tier answered and saved, and what was wrong."),
    "inspect": Entry("agents.cache.commands.inspect:inspect", "Which answers served others, and what each saved."),
    "reject": Entry("agents.cache.commands.reject:reject", "Say that an answer to other words was wrong."),
    "evict": Entry("agents.cache.commands.evict:evict", "Take answers out of the cache for good."),
    "warm": Entry("agents.cache.commands.warm:warm", "Put answers into the cache that were given elsewhere."),
}


@click.group(cls=LazyCommands, entries=COMMANDS)
def cache() -> None:
    """Show what the cache saved and what it holds, and take answers out of it."""
