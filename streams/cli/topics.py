"""`asahi topics`."""

from __future__ import annotations

import click

from schemas.settings import KafkaSettings, Settings
from streams.admin import ensure_topics
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.signals import run_to_end
from streams.cli.tenants import register_tenants
from streams.topics import CATALOGUE, Topic

MS_PER_HOUR = 3_600_000


@click.command()
@click.option("--create", is_flag=True, help="Create those that are missing, and register the tenants.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def topics(invocation: Invocation, create: bool, as_json: bool) -> None:
    """List every topic with its key, partitions and retention.

    With --create, those that are missing are created, and the configured tenants are registered: what a cluster needs
    once, and again when the configuration of the tenants has changed.
    """
    kafka = invocation.settings().kafka
    created = run_to_end(_create(invocation.attached())) if create else []
    if as_json:
        emit_json([_document(topic, kafka, created) for topic in CATALOGUE])
        return
    table = plain_table("topic", "key", "partitions", "kept", "what travels", right=("partitions",))
    for topic in CATALOGUE:
        mark = " (created)" if topic.name in created else ""
        table.add_row(topic.name + mark, topic.key, str(topic.partitions(kafka)), _kept(topic, kafka), topic.summary)
    console().print(table)


async def _create(settings: Settings) -> list[str]:
    """Prepare the broker: its topics, and on one of them who may use the system."""
    created = await ensure_topics(settings)
    tenants = await register_tenants(settings)
    click.echo(f"registered tenants: {', '.join(tenants) or 'none'}", err=True)
    return created


def _kept(topic: Topic, kafka: KafkaSettings) -> str:
    configs = topic.configs(kafka)
    if "retention.ms" not in configs:
        return "newest per key"
    return f"{int(configs['retention.ms']) / MS_PER_HOUR:g} h"


def _document(topic: Topic, kafka: KafkaSettings, created: list[str]) -> dict[str, object]:
    return {
        "name": topic.name,
        "scope": topic.scope.value,
        "event": None if topic.event is None else topic.event.__name__,
        "ce_type": topic.ce_type,
        "key": topic.key,
        "summary": topic.summary,
        "partitions": topic.partitions(kafka),
        "configs": topic.configs(kafka),
        "created": topic.name in created,
    }
