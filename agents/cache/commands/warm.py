"""`asahi cache warm`: answers that were given elsewhere go into the cache, and nobody is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import uuid4

import click

from agents.cache.bringing import Given, brought_back, objection
from agents.cache.warming import given_in
from agents.governance.commands.log import By, changing, read_registry, who_by
from agents.governance.commands.subjects import json_option, registered, tenant_option
from agents.governance.encryption.issuing import about, publish_audits
from agents.governance.policies.evaluation import effective_policy
from agents.governance.registry import Registry
from agents.refill import publish
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy
from schemas.errors import ConfigurationError
from schemas.models_file import ModelsFile
from schemas.settings import Settings
from schemas.tenant import TenantRegistered
from schemas.wire import AuditRecord
from streams.cli.display import console, emit_json
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.outbox import Outbox
from streams.partitioning import home_partition

WARMED = "cache_warmed"
AT_ONCE = 1_000
"""Answers that are held in memory."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@tenant_option
@changing
@json_option
@click.pass_obj
def warm(invocation: Invocation, file: Path, tenant: str, by: By, as_json: bool) -> None:
    """Put answers into the cache that were given elsewhere; no model is asked, and nothing is paid.

    FILE has a request per line, as `asahi submit` takes it, with `answer` and `model` beside. Where a line is wrong,
    nothing is put in. Answers count as given now.
    """
    settings = invocation.attached()
    kept, answers = run_to_end(_warm(settings, file, tenant, by))
    if as_json:
        emit_json({"tenant": tenant, "answers": answers, "kept": kept})
        return
    left_out = f"; {answers - kept:,} are none that the cache keeps" if kept < answers else ""
    console().print(f"{kept:,} of {answers:,} answers are on their way into the cache of {tenant}{left_out}")


async def _warm(settings: Settings, file: Path, tenant: str, by: By) -> tuple[int, int]:
    registry = await read_registry(settings)
    fact = registry.get(registered(registry, tenant))
    if fact is None:
        raise ConfigurationError(f"of {tenant} only teams, users or keys are registered; register the organization")
    who = who_by(by, settings, registry, [about(tenant)])
    models, now = ModelsFile(settings.models_file).load(), time.time()

    def given() -> Iterator[Given]:
        try:
            lines = file.open("rb")
        except OSError as wrong:
            raise ConfigurationError(f"FILE {file}: {wrong.strerror}; name a file that can be read") from wrong
        with lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield given_in(line, number, tenant, models, now)

    answers = 0
    for one in given():  # whatever is wrong shows before anything is sent
        _policy(registry, fact, one)
        answers += 1
    at = datetime.fromtimestamp(now, UTC)
    audit = AuditRecord(
        id=f"{WARMED}/{uuid4().hex}",
        actor=who.actor,
        action=WARMED,
        subject=f"{tenant}/cache",
        outcome="applied",
        reason=f"{who.reason} ({answers} answers of {file.name})",
        occurred_at=at,
        tenant=tenant,
    )
    home, kept = home_partition(tenant, settings.kafka.partitions), 0
    async with Outbox(settings.kafka) as outbox:
        await publish_audits(outbox, settings, [audit])
        those = given()
        while some := list(islice(those, AT_ONCE)):
            completions = [
                brought_back(one, fact, _policy(registry, fact, one), home, settings.semantic.max_characters)
                for one in some
            ]
            found = [one for one in completions if one is not None]
            await publish(outbox, settings, found)
            kept += len(found)
    return kept, answers


def _policy(registry: Registry, fact: TenantRegistered, given: Given) -> EffectivePolicy:
    """Return what holds for a request.

    Raises:
        ConfigurationError: Answers to requests under it are not brought in.
    """
    request = given.request
    scopes = registry.scope_chain(fact.tenant, request.user)
    policy = UNRESTRICTED if scopes is None else scopes.once(effective_policy) or UNRESTRICTED
    why = objection(policy)
    if why is not None:
        whose = fact.tenant if request.user is None else f"user {request.user} of {fact.tenant}"
        raise ConfigurationError(f"the cache of {whose} takes no answers from elsewhere: {why}")
    return policy
