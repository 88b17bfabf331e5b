"""`asahi governance keys list|show|set|issue|rotate|revoke|remove`."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta

import click

from agents.governance.change import Change, change_to, removal
from agents.governance.commands.log import By, change_registry, changing, read_registry
from agents.governance.commands.subjects import (
    SET_HELP,
    change_fact,
    document,
    found,
    json_option,
    listed,
    show_fact,
    tenant_option,
)
from agents.governance.keys import RANDOM_BYTES, Issued, KeyRing, rotated
from agents.governance.registry import Registry
from agents.governance.registry.places import Kind, Place, place_of_fact
from agents.governance.secrets import require_master_key
from schemas.errors import ConfigurationError
from schemas.governance import KeyIssued, Scope
from streams.cli.display import console, emit_json, plain_table, side_console
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end

OVERLAP = "24h"
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
DURATION = re.compile(r"(\d{1,6})([smhd])")
PLACEHOLDER = "00000000"

scopes_option = click.option(
    "--scope", "scopes", multiple=True, type=click.Choice([each.value for each in Scope]), help="What it is for."
)


@click.group()
def keys() -> None:
    """API keys: whoever holds one signs with it, and counts as its user."""


@keys.command("list")
@click.option("--tenant", help="Of this organization only.")
@json_option
@click.pass_obj
def list_(invocation: Invocation, tenant: str | None, as_json: bool) -> None:
    """List keys; their secrets are nowhere."""
    facts = listed(run_to_end(read_registry(invocation.attached())), Kind.KEY, tenant)
    now = datetime.now(UTC)
    issued = [fact for fact in facts if isinstance(fact, KeyIssued)]
    if as_json:
        emit_json([document(fact) | {"state": state(fact, now)} for fact in issued])
        return
    if not issued:
        console().print("no keys; make one with `asahi governance keys issue`")
        return
    table = plain_table("key", "tenant", "whose", "scopes", "issued", "expires", "state")
    for fact in issued:
        whose = fact.user or (f"team {fact.team}" if fact.team else "-")
        expires = "never" if fact.expires_at is None else _moment(fact.expires_at)
        scopes = ",".join(fact.scopes)
        table.add_row(fact.key_id, fact.tenant, whose, scopes, _moment(fact.issued_at), expires, state(fact, now))
    console().print(table)


@keys.command()
@click.argument("key_id")
@json_option
@click.pass_obj
def show(invocation: Invocation, key_id: str, as_json: bool) -> None:
    """Show what holds for a key."""
    show_fact(_known(run_to_end(read_registry(invocation.attached())), key_id), as_json)


@keys.command("set")
@click.argument("key_id")
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help=SET_HELP)
@click.option("--unset", multiple=True, metavar="FIELD", help="Let a field go back to its default.")
@changing
@click.pass_obj
def set_(
    invocation: Invocation,
    key_id: str,
    settings: tuple[str, ...],
    unset: tuple[str, ...],
    by: By,
) -> None:
    """Change what holds for a key: its budgets, limits, policy, scopes or expiry."""

    def plan(registry: Registry) -> list[Change]:
        known = _known(registry, key_id)
        hidden = {"secret_hash": known.secret_hash, "signing_key": known.signing_key}
        change = change_fact(registry, place_of_fact(known), settings, unset, hidden)
        return [] if change is None else [change]

    change_registry(invocation, plan, by)


@keys.command()
@tenant_option
@click.option("--user", help="Whose it is; requests under it count as this user's.")
@click.option("--team", help="Whose it is when it is no single user's.")
@scopes_option
@click.option("--expires", metavar="90d|DATE", help="From when on it is refused; never by default.")
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help=SET_HELP)
@changing
@json_option
@click.pass_obj
def issue(
    invocation: Invocation,
    tenant: str,
    user: str | None,
    team: str | None,
    scopes: tuple[str, ...],
    expires: str | None,
    settings: tuple[str, ...],
    by: By,
    as_json: bool,
) -> None:
    """Issue a key, and print it: once, and nowhere else."""
    reached = invocation.attached()
    ring = KeyRing(require_master_key(reached.governance, "issuing a key"))
    now = datetime.now(UTC)
    made: list[Issued] = []

    def plan(registry: Registry) -> list[Change]:
        found(registry, Place(Kind.TENANT, tenant, tenant))
        if user is not None:
            found(registry, Place(Kind.USER, tenant, user))
        if team is not None:
            found(registry, Place(Kind.TEAM, tenant, team))
        fields = {"user": user, "team": team, "scopes": list(scopes) or [Scope.PRODUCER.value]}
        told = [f"{name}={_yaml(value)}" for name, value in fields.items() if value is not None]
        if expires is not None:
            told.append(f"expires_at={_moment_of(expires, now).isoformat()}")
        place = Place(Kind.KEY, tenant, PLACEHOLDER)
        hidden = {"secret_hash": "", "signing_key": "", "issued_at": now.isoformat()}
        draft = change_fact(registry, place, [*told, *settings], (), hidden)
        assert draft is not None
        assert isinstance(draft.after, KeyIssued)
        made.append(ring.issue(draft.after, os.urandom(RANDOM_BYTES)))
        return [Change(place_of_fact(made[-1].fact), None, made[-1].fact, "key_issued")]

    change_registry(invocation, plan, by, quiet=True)
    _hand_over(made[-1], as_json)


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap", default=OVERLAP, show_default=True, help="How long the old key is good beside the new one."
)
@click.option("--expires", metavar="90d|DATE", help="Of the new key; never by default.")
@changing
@json_option
@click.pass_obj
def rotate(
    invocation: Invocation,
    key_id: str,
    overlap: str,
    expires: str | None,
    by: By,
    as_json: bool,
) -> None:
    """Issue a key that takes the place of another, and let the other expire when the overlap ends."""
    reached = invocation.attached()
    ring = KeyRing(require_master_key(reached.governance, "issuing a key"))
    now = datetime.now(UTC)
    ends = _moment_of(overlap, now)
    made: list[Issued] = []

    def plan(registry: Registry) -> list[Change]:
        old = _known(registry, key_id)
        if state(old, now) != "good":
            raise ConfigurationError(f"key {key_id} is {state(old, now)}; issue a new one instead of rotating it")
        fresh = {
            "issued_at": now,
            "replaces": key_id,
            "expires_at": None if expires is None else _moment_of(expires, now),
        }
        made.append(ring.issue(old.model_copy(update=fresh), os.urandom(RANDOM_BYTES)))
        # The new one first: whatever happens in between, one of the two is good.
        new = Change(place_of_fact(made[-1].fact), None, made[-1].fact, "key_issued")
        aged = change_to(rotated(old, now=now, overlap_ends=ends), old, "key_rotated")
        return [new] if aged is None else [new, aged]

    change_registry(invocation, plan, by, quiet=True)
    side_console().print(f"key {key_id} is good until {_moment(ends)}", style="dim")
    _hand_over(made[-1], as_json)


@keys.command()
@click.argument("key_id")
@changing
@click.pass_obj
def revoke(invocation: Invocation, key_id: str, by: By) -> None:
    """Refuse a key from now on, on every worker; it cannot be undone."""
    now = datetime.now(UTC)

    def plan(registry: Registry) -> list[Change]:
        known = _known(registry, key_id)
        if known.revoked_at is not None and known.revoked_at <= now:
            raise ConfigurationError(f"key {key_id} was revoked at {_moment(known.revoked_at)}")
        return [Change(place_of_fact(known), known, known.model_copy(update={"revoked_at": now}), "key_revoked")]

    change_registry(invocation, plan, by)


@keys.command()
@click.argument("key_id")
@changing
@click.pass_obj
def remove(invocation: Invocation, key_id: str, by: By) -> None:
    """Forget a key altogether; a revoked one is better kept, so that its use is told from a mistyped id."""

    def plan(registry: Registry) -> list[Change]:
        known = _known(registry, key_id)
        return [removal(place_of_fact(known), known)]

    change_registry(invocation, plan, by)


def state(key: KeyIssued, now: datetime) -> str:
    """Return in one word whether a key is good."""
    if key.revoked_at is not None and key.revoked_at <= now:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "good"


def _hand_over(issued: Issued, as_json: bool) -> None:
    if as_json:
        emit_json({"key": issued.key.text(), **document(issued.fact)})
        return
    side_console().print("keep it: it is shown once and stored nowhere", style="dim")
    click.echo(issued.key.text())


def _known(registry: Registry, key_id: str) -> KeyIssued:
    key = registry.key(key_id)
    if key is None:
        raise ConfigurationError(f"there is no key {key_id!r}; see `asahi governance keys list`")
    return key


def _moment_of(text: str, now: datetime) -> datetime:
    """Return the moment that `90d`, `12h` or an ISO date names."""
    duration = DURATION.fullmatch(text)
    if duration is not None:
        return now + timedelta(seconds=int(duration[1]) * UNITS[duration[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is no time; write it as 90d, 12h, 30m or 2027-01-31") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(" ", "seconds").replace("+00:00", "Z")


def _yaml(value: object) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
