"""`asahi schema`."""

from __future__ import annotations

import click

from schemas.settings import KafkaSettings
from streams.cli.display import console, emit_json, plain_table
from streams.topics import EVENTS, Topic

ASYNCAPI = "asyncapi"


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of an event (`request`, or its topic), or `asyncapi`; without NAME, list them."""
    from streams.contract.asyncapi import asyncapi_document
    from streams.contract.json_schema import event_schema, model_of

    if name is None:
        table = plain_table("name", "topic", "what it is")
        for topic in EVENTS:
            table.add_row(model_of(topic).__name__.lower(), topic.name, topic.summary)
        table.add_row(ASYNCAPI, "all of them", "One AsyncAPI document of all public topics.")
        console().print(table)
    elif name == ASYNCAPI:
        emit_json(asyncapi_document(KafkaSettings()))
    else:
        emit_json(event_schema(_find(name, {model_of(topic).__name__.lower(): topic for topic in EVENTS})))


def _find(name: str, by_event: dict[str, Topic]) -> Topic:
    for event, topic in by_event.items():
        if name.lower() in (event, topic.name, topic.name.rpartition(".")[2]):
            return topic
    raise click.BadParameter(f"{name!r} is none of {', '.join([*by_event, ASYNCAPI])}", param_hint="NAME")
