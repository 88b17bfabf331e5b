"""The public topics as one AsyncAPI 3.0 document."""

from __future__ import annotations

from typing import Any

from schemas.settings import KafkaSettings
from streams.contract.examples import payloads
from streams.contract.json_schema import model_of, schema_name
from streams.contract.prose import meaning_of
from streams.envelope import CONTENT_TYPE, RESTORED_HEADER, SPEC_VERSION
from streams.topics import EVENTS, FEEDBACK, GOVERNANCE, PUBLIC, REQUESTS, Topic

Document = dict[str, Any]

CONTRACT_VERSION = "1.0.0"
"""Of the contract, not of the program: fields are only added, and an incompatible event gets a new type."""
BINDING_VERSION = "0.5.0"
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
SCHEMA_FOLDER = "../schemas/json"
READ_BY_ASAHI = (REQUESTS, FEEDBACK, GOVERNANCE)

_DESCRIPTION = """\
Events of Asahi, which cuts the cost of LLM inference. Every event is plain JSON in a Kafka message, with CloudEvents
attributes as headers (binary mode). `asahi.requests` and `asahi.feedback` are written by producers, and an operator
registers tenants on `asahi.governance`; the other topics are written by Asahi. See events.md for how to use them.
"""


def asyncapi_document(kafka: KafkaSettings) -> Document:
    """Return the document; partitions and retention are those of these settings."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Asahi", "version": CONTRACT_VERSION, "description": _DESCRIPTION},
        "defaultContentType": CONTENT_TYPE.decode(),
        "servers": {
            "local": {
                "host": kafka.bootstrap,
                "protocol": "kafka",
                "description": "The embedded broker, or whatever kafka.bootstrap names.",
            }
        },
        "channels": {_channel_name(topic): _channel(topic, kafka) for topic in PUBLIC},
        "operations": {
            f"{'read' if topic in READ_BY_ASAHI else 'write'}_{_channel_name(topic)}": _operation(topic)
            for topic in PUBLIC
        },
        "components": {"messages": {model_of(topic).__name__: _message(topic) for topic in EVENTS}},
    }


def _channel_name(topic: Topic) -> str:
    return topic.name.rpartition(".")[2]


def _channel(topic: Topic, kafka: KafkaSettings) -> Document:
    messages = [model_of(event).__name__ for event in EVENTS if event.name == topic.name]
    configs: Document = {"cleanup.policy": [topic.configs(kafka)["cleanup.policy"]]}
    for name in ("retention.ms", "max.message.bytes"):
        if name in topic.configs(kafka):
            configs[name] = int(topic.configs(kafka)[name])
    return {
        "address": topic.name,
        "summary": topic.summary,
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions(kafka),
                "replicas": kafka.replication,
                "topicConfiguration": configs,
                "bindingVersion": BINDING_VERSION,
            }
        },
    }


def _operation(topic: Topic) -> Document:
    return {
        "action": "receive" if topic in READ_BY_ASAHI else "send",
        "channel": {"$ref": f"#/channels/{_channel_name(topic)}"},
        "summary": topic.summary,
    }


def _message(topic: Topic) -> Document:
    model = model_of(topic)
    return {
        "name": topic.ce_type,
        "title": model.__name__,
        "summary": meaning_of(model).partition("\n")[0],
        "contentType": CONTENT_TYPE.decode(),
        "headers": _headers(topic),
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"{SCHEMA_FOLDER}/{schema_name(topic)}"}},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": _key(topic)}, "bindingVersion": BINDING_VERSION}
        },
        "examples": [{"name": name, "payload": payload} for name, payload in payloads(model).items()],
    }


def _key(topic: Topic) -> str:
    return "The tenant, in UTF-8." if topic.key == "tenant" else f"The {topic.key}, in UTF-8."


def _headers(topic: Topic) -> Document:
    """Return the CloudEvents attributes: all of them on what Asahi writes, none asked for on what it reads."""
    attributes = {
        "ce_specversion": {"type": "string", "const": SPEC_VERSION.decode()},
        "ce_id": {"type": "string", "description": "Unique per source; the same fact always has the same id."},
        "ce_type": {"type": "string", "const": topic.ce_type},
        "ce_source": {"type": "string", "description": "asahi/<tenant>"},
        "ce_time": {"type": "string", "format": "date-time", "description": "When the fact occurred."},
        "content-type": {"type": "string", "const": CONTENT_TYPE.decode()},
    }
    if topic.name in {read.name for read in READ_BY_ASAHI}:
        return {"type": "object", "properties": attributes}
    restored = {RESTORED_HEADER: {"type": "string", "description": "Republished from the archive: not news."}}
    return {"type": "object", "properties": attributes | restored, "required": list(attributes)}
