"""`asahi governance tenants|teams|users list|show|set|remove`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import orjson

from agents.governance.assignment import OWN, Wrong, assigned, fact_of
from agents.governance.change import HIDDEN, Change, change_to, removal
from agents.governance.commands.log import By, change_registry, changing, read_registry
from agents.governance.registry import Registry
from agents.governance.registry.places import Fact, Kind, Place, place_of_fact
from schemas.errors import ConfigurationError
from schemas.governance import UserRegistered
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end

NAME_FIELD = {Kind.TENANT: "tenant", Kind.TEAM: "team", Kind.USER: "user", Kind.KEY: "key_id"}
SET_HELP = "FIELD=VALUE, dotted and in YAML, such as policy.cache=off; more than once for several."

tenant_option = click.option("--tenant", required=True, help="The organization.")
json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


def listed(registry: Registry, kind: Kind, tenant: str | None) -> list[Fact]:
    """Return the facts of a kind, of one organization or of all.

    Raises:
        ConfigurationError: Nobody knows the organization.
    """
    names = [registered(registry, tenant)] if tenant is not None else registry.names()
    if kind is Kind.TENANT:
        return sorted((fact for fact in registry if fact.tenant in names), key=lambda fact: fact.tenant)
    below = (fact for name in names for fact in registry.below(name))
    return sorted(
        (fact for fact in below if place_of_fact(fact).kind is kind), key=lambda fact: str(place_of_fact(fact))
    )


def registered(registry: Registry, tenant: str) -> str:
    """Return the name of an organization.

    Raises:
        ConfigurationError: It is not registered.
    """
    if registry.get(tenant) is None and not registry.below(tenant):
        raise ConfigurationError(
            f"no organization {tenant!r} is registered; `asahi governance tenants list` shows who is"
        )
    return tenant


def document(fact: Fact) -> dict[str, Any]:
    """Return a fact for programs, without what tells nobody anything."""
    return fact.model_dump(mode="json", exclude=set(HIDDEN))


def found(registry: Registry, place: Place) -> Fact:
    """Return what holds for whom a command names.

    Raises:
        ConfigurationError: There is none; names who there is.
    """
    fact = registry.at(place)
    if fact is None:
        others = [place_of_fact(one).name for one in listed(registry, place.kind, place.tenant)]
        there = ", ".join(others) or "none"
        whose = "" if place.kind is Kind.TENANT else f" of {place.tenant}"
        raise ConfigurationError(f"there is no {place.kind} {place.name!r}{whose}; there are: {there}")
    return fact


def show_fact(fact: Fact, as_json: bool) -> None:
    """Print one fact."""
    if as_json:
        emit_json(document(fact))
        return
    for name, value in document(fact).items():
        if value not in (None, [], {}) and name != "version":
            said = value if isinstance(value, str) else orjson.dumps(_told(value)).decode()
            click.echo(f"{click.style(f'{name:<18}', bold=True)} {said}")


def _told(value: Any) -> Any:
    """Return a part without what it leaves open."""
    if isinstance(value, dict):
        return {name: _told(inner) for name, inner in value.items() if inner is not None and name != "version"}
    return value


def summary(fact: Fact) -> str:
    """Return what holds in one line."""
    parts = [f"${each.limit_usd:f}/{each.period}{'' if each.hard else ' (soft)'}" for each in fact.budgets]
    parts += [f"{name}={value}" for name, value in _told(fact.rates.model_dump(mode="json")).items()]
    parts += [f"{name}={value}" for name, value in _told(fact.policy.model_dump(mode="json")).items()]
    return " · ".join(parts)


def change_fact(
    registry: Registry, place: Place, settings: Sequence[str], unset: Sequence[str], filled_in: dict[str, Any]
) -> Change | None:
    """Return the change that a command asks for.

    Raises:
        ConfigurationError: A field is unknown or has a wrong value, or a team does not exist.
    """
    before = registry.at(place)
    held = {} if before is None else before.model_dump(mode="json", exclude=set(OWN))
    own = {"tenant": place.tenant, NAME_FIELD[place.kind]: place.name}
    try:
        fact = fact_of(place.kind, assigned(held, settings, unset) | own, filled_in)
    except Wrong as wrong:
        raise ConfigurationError(wrong.message) from wrong
    if place.kind is not Kind.TENANT and registry.get(place.tenant) is None:
        raise ConfigurationError(f"there is no tenant {place.tenant!r}; make it with `asahi governance tenants set`")
    if isinstance(fact, UserRegistered) and fact.team is not None:
        found(registry, Place(Kind.TEAM, place.tenant, fact.team))
    return change_to(fact, before)


def _group(kind: Kind, about: str) -> click.Group:
    """Return the commands for one kind of subject."""
    group = click.Group(f"{kind}s", help=about)
    for command in (_list(kind), _show(kind), _set(kind), _remove(kind)):
        group.add_command(command)
    return group


def _with_tenant(kind: Kind, command: Any) -> Any:
    return command if kind is Kind.TENANT else tenant_option(command)


def _place(kind: Kind, tenant: str | None, name: str) -> Place:
    return Place(kind, name if tenant is None else tenant, name)


def _list(kind: Kind) -> click.Command:
    @click.command("list")
    @click.option("--tenant", help="Of this organization only.")
    @json_option
    @click.pass_obj
    def command(invocation: Invocation, tenant: str | None, as_json: bool) -> None:
        """List them."""
        facts = listed(run_to_end(read_registry(invocation.attached())), kind, tenant)
        if as_json:
            emit_json([document(fact) for fact in facts])
            return
        if not facts:
            console().print(f"no {kind}s")
            return
        whose = () if kind is Kind.TENANT else ("tenant",)
        table = plain_table(str(kind), *whose, "changed by", "what holds")
        for fact in facts:
            names = (place_of_fact(fact).name, fact.tenant)[: 1 + len(whose)]
            table.add_row(*names, fact.changed_by or "-", summary(fact) or "nothing of its own")
        console().print(table)

    return command


def _show(kind: Kind) -> click.Command:
    @click.command("show")
    @click.argument("name")
    @json_option
    @click.pass_obj
    def command(invocation: Invocation, name: str, as_json: bool, tenant: str | None = None) -> None:
        """Show what holds for NAME."""
        registry = run_to_end(read_registry(invocation.attached()))
        show_fact(found(registry, _place(kind, tenant, name)), as_json)

    shown: click.Command = _with_tenant(kind, command)
    return shown


def _set(kind: Kind) -> click.Command:
    @click.command("set")
    @click.argument("name")
    @click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help=SET_HELP)
    @click.option("--unset", multiple=True, metavar="FIELD", help="Let a field go back to its default.")
    @changing
    @click.pass_obj
    def command(
        invocation: Invocation,
        name: str,
        settings: tuple[str, ...],
        unset: tuple[str, ...],
        by: By,
        tenant: str | None = None,
    ) -> None:
        """Make NAME, or change what holds for it; what is not named stays as it is."""

        def plan(registry: Registry) -> list[Change]:
            change = change_fact(registry, _place(kind, tenant, name), settings, unset, {})
            return [] if change is None else [change]

        change_registry(invocation, plan, by)

    changed: click.Command = _with_tenant(kind, command)
    return changed


def _remove(kind: Kind) -> click.Command:
    @click.command("remove")
    @click.argument("name")
    @changing
    @click.pass_obj
    def command(invocation: Invocation, name: str, by: By, tenant: str | None = None) -> None:
        """Remove NAME; with an organization, all that belongs to it."""

        def plan(registry: Registry) -> list[Change]:
            place = _place(kind, tenant, name)
            changes = [removal(place, found(registry, place))]
            if kind is Kind.TEAM:
                _check_empty(registry, place)
            if kind is Kind.TENANT:
                changes = [*(removal(place_of_fact(fact), fact) for fact in registry.below(name)), *changes]
            return changes

        change_registry(invocation, plan, by)

    removed: click.Command = _with_tenant(kind, command)
    return removed


def _check_empty(registry: Registry, team: Place) -> None:
    """Refuse to remove a team that somebody belongs to: its limits would silently end for them.

    Raises:
        ConfigurationError: Somebody belongs to it.
    """
    members = [one.user for one in registry.users(team.tenant) if one.team == team.name]
    members += [f"key {one.key_id}" for one in registry.keys(team.tenant) if one.team == team.name]
    if members:
        raise ConfigurationError(f"team {team.name} still has {', '.join(members)}; move or remove them first")


tenants = _group(Kind.TENANT, "Organizations: the unit of isolation; what holds for one holds for all in it.")
teams = _group(Kind.TEAM, "Teams of an organization: their budgets and limits hold for their users and keys.")
users = _group(Kind.USER, "Users of an organization, as the `user` of requests names them.")
