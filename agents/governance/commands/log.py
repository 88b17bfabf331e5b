"""The registry as a command sees it: read whole from the log, changed by facts, each with its audit record."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, NamedTuple

import click
import msgspec

from agents.governance.bearer import bearer
from agents.governance.change import Change, Who, audit_of, differences, signed_by
from agents.governance.encryption.issuing import issue_missing
from agents.governance.enforcement import kept_longer, unenforced
from agents.governance.keys import KeyRing
from agents.governance.registry import Registry
from agents.governance.registry.places import Kind
from agents.governance.secrets import require_master_key
from agents.governance.signatures import faults
from schemas.errors import ConfigurationError
from schemas.governance import KeyIssued, Scope
from schemas.settings import Settings
from streams.admin import cluster_id
from streams.api_key import ApiKey, parse_api_key
from streams.cli.display import console, side_console
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.envelope import Publication, cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.presence import known_everywhere
from streams.tail import read_tail
from streams.topics import AUDIT, GOVERNANCE, KEYS, TEAMS, USERS

PATIENCE_SECONDS = 5.0
TOPICS = {Kind.TENANT: GOVERNANCE, Kind.TEAM: TEAMS, Kind.USER: USERS, Kind.KEY: KEYS}

_json = msgspec.json.Encoder()


class By(NamedTuple):
    """Who changes something, as a command line says it.

    Attributes:
        key: The key he shows; None when he is whoever may reach broker and master key.
    """

    actor: str
    reason: str
    key: ApiKey | None


def changing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of everybody who changes something; it gets them as `by`."""

    @wraps(command)
    def by_whom(*args: Any, actor: str | None, reason: str, acting_key: str | None, **kwargs: Any) -> Any:
        if not reason.strip():
            raise ConfigurationError("--reason is empty; say why, for those who read the audit")
        key = None if acting_key is None else parse_api_key(acting_key)
        return command(*args, by=By(actor or _own_name(), reason.strip(), key), **kwargs)

    with_key = click.option("--as-key", "acting_key", metavar="KEY", help="Act as its holder, an administrator.")(
        by_whom
    )
    with_reason = click.option("--reason", required=True, help="Why; it goes into the audit.")(with_key)
    return click.option("--actor", help="Who; you by default.")(with_reason)


def who_by(by: By, settings: Settings, registry: Registry, changes: Sequence[Change]) -> Who:
    """Return who makes these changes, once it is known that he may.

    Raises:
        ConfigurationError: The key he shows is not good for them.
    """
    if by.key is None:
        return Who(by.actor, by.reason)
    ring = KeyRing(require_master_key(settings.governance, "checking a key"))
    found = bearer(by.key, registry, ring, Scope.ADMINISTRATOR, time.time())
    if isinstance(found, KeyIssued) and any(change.place.tenant != found.tenant for change in changes):
        found = faults.wrong_tenant(found)
    if not isinstance(found, KeyIssued):
        raise ConfigurationError(f"--as-key: {found.code}: {found.message}; {found.remedy}")
    return Who(found.user or f"key {found.key_id}", by.reason)


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return f"uid {os.getuid()}"


async def read_registry(settings: Settings) -> Registry:
    """Return the registry as the log has it now.

    Raises:
        BrokerUnavailable: No broker answers.
    """
    registry, _ = await read_version(settings)
    return registry


async def read_version(settings: Settings) -> tuple[Registry, str]:
    """Return the registry, and which version of it that is: which log, and how much of it was read.

    Raises:
        BrokerUnavailable: No broker answers.
    """
    registry, position, cluster = Registry(), 0, await cluster_id(settings)
    async for records in read_tail(settings.kafka, {(GOVERNANCE.name, 0): 0}):
        for record in records:
            registry.apply(record.key, record.value)
            position = record.offset + 1
    return registry, f"{cluster}/{position}"


async def carry_out(settings: Settings, changes: Sequence[Change], who: Who, version: str) -> tuple[int, int, float]:
    """Publish the audit record and then the fact of each change; wait until the workers know it.

    Returns:
        How many workers know, how many there are, and how many seconds that took.
    """
    now = datetime.now(UTC)
    offset = 0
    async with Outbox(settings.kafka) as outbox:
        for change in changes:
            audit = audit_of(change, who, now, version)
            event = cloud_event(AUDIT, audit.id, audit.tenant, now, _json.encode(audit))
            home = home_partition(change.place.tenant, settings.kafka.partitions)
            await outbox.publish(AUDIT.name, home, [event])
            (offset,) = await outbox.publish(GOVERNANCE.name, 0, [_message(change, who, now)])
    began = time.monotonic()
    know, there = await known_everywhere(settings.kafka, offset, time.time, PATIENCE_SECONDS)
    return know, there, time.monotonic() - began


def _message(change: Change, who: Who, now: datetime) -> Publication:
    place = change.place
    topic = TOPICS[place.kind]
    event_id = f"{place}/{now.isoformat()}"
    value = b"" if change.after is None else signed_by(change.after, who, now).model_dump_json().encode()
    event = cloud_event(topic, event_id, place.tenant, now, value, key=place.message_key)
    return event if change.after is not None else event._replace(value=None)


def show_changes(changes: Sequence[Change]) -> None:
    """Show what changes, one block each."""
    out = console()
    for change in changes:
        sign, colour = ("+", "green") if change.before is None else ("~", "yellow")
        if change.after is None:
            sign, colour = "-", "red"
        out.print(f"[{colour}]{sign} {change.place}[/{colour}]", soft_wrap=True)
        for line in differences(change):
            out.print(f"    {line}", soft_wrap=True, markup=False)


def tell_unenforced(settings: Settings, changes: Sequence[Change]) -> None:
    """Warn of what is kept and not enforced, or not everywhere, so that nobody relies on it."""
    hours = settings.kafka.retention_hours
    for change in changes:
        if change.after is None:
            continue
        kept = unenforced(change.after)
        if kept:
            side_console().print(f"{change.place}: kept, but not enforced yet: {', '.join(kept)}", style="yellow")
        days = kept_longer(change.after, hours)
        if days is not None:
            side_console().print(
                f"{change.place}: policy.retention_days: {days} holds in ClickHouse; topics keep all events for "
                f"{hours:g} hours (kafka.retention_hours)",
                style="yellow",
                soft_wrap=True,
            )


def tell_known(know: int, there: int, seconds: float) -> None:
    """Say which workers know of a change."""
    side = side_console()
    if not there:
        side.print("no worker is running; whoever starts knows it", style="dim")
    elif know == there:
        side.print(f"known to {_workers(there)} after {seconds * 1000:.0f} ms", style="dim")
    else:
        side.print(
            f"known to {know} of {_workers(there)} so far; `asahi status` shows how far behind", style="yellow"
        )


def _workers(count: int) -> str:
    return f"{count} worker{'' if count == 1 else 's'}"


def change_registry(
    invocation: Invocation, plan: Callable[[Registry], Sequence[Change]], by: By, *, quiet: bool = False
) -> None:
    """Carry out what a command plans once it knows the registry, and tell what became of it.

    Raises:
        ConfigurationError: The plan finds something wrong, or he may not do it; nothing is changed.
        BrokerUnavailable: No broker answers.
    """
    settings = invocation.attached()

    async def work() -> tuple[Sequence[Change], tuple[int, int, float]]:
        registry, version = await read_version(settings)
        changes = plan(registry)
        if not changes:
            return changes, (0, 0, 0.0)
        who = who_by(by, settings, registry, changes)
        await issue_missing(settings, registry, changes, who)
        return changes, await carry_out(settings, changes, who, version)

    changes, known = run_to_end(work())
    if not changes:
        console().print("nothing changes")
        return
    if not quiet:
        show_changes(changes)
    tell_unenforced(settings, changes)
    tell_known(*known)
