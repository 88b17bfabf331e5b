"""One JSON Schema (draft 2020-12) per public event.

A request's schema says what is accepted: unknown fields are refused, amounts may be numbers or text. The others say
what is written: readers ignore fields they do not know, amounts are text.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.request import Mode, Request, Strategy
from streams.contract.prose import Meanings, meaning_of
from streams.topics import EVENTS, PUBLIC, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NULL: dict[str, str] = {"type": "null"}


def _given(field: str) -> dict[str, Any]:
    return {"required": [field], "properties": {field: {"not": _NULL}}}


def _given_as(field: str, value: str) -> dict[str, Any]:
    return {"required": [field], "properties": {field: {"const": value}}}


_RULES: dict[type[BaseModel], list[JsonSchemaValue]] = {
    Request: [
        {"oneOf": [_given("prompt"), _given("messages"), _given("sealed")]},
        {"not": {"allOf": [_given("sealed"), {"anyOf": [_given("tools"), _given("response_format")]}]}},
        {
            "if": {"required": ["mode"], "properties": {"mode": {"const": Mode.EXPLICIT}}},
            "then": _given("model"),
            "else": {"not": _given("model")},
        },
        {
            "if": {"anyOf": [_given("strategy"), _given("lambda"), _given("accept")]},
            "then": {
                "allOf": [
                    {"not": _given_as("mode", Mode.EXPLICIT)},
                    {"not": {"allOf": [_given_as("mode", Mode.GUIDED), _given("weights")]}},
                ]
            },
        },
        {"not": {"allOf": [_given("lambda"), _given_as("strategy", Strategy.THRESHOLD)]}},
        {"not": {"allOf": [_given("lambda"), _given_as("strategy", Strategy.CASCADE)]}},
        {"not": {"allOf": [_given("accept"), _given_as("strategy", Strategy.THRESHOLD)]}},
        {"not": {"allOf": [_given("accept"), _given_as("strategy", Strategy.UTILITY)]}},
        {"not": {"allOf": [_given("accept"), _given("lambda")]}},
    ]
}
"""What a model checks across fields, which pydantic cannot put into a schema by itself."""


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with descriptions from the docstrings, without titles and defaults that say nothing."""

    schema_dialect = DIALECT

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        document = super().model_schema(schema)
        model = schema["cls"]
        document["description"] = meaning_of(model)
        meanings = Meanings(model)
        for name, field in document["properties"].items():
            field["description"] = meanings[name]
        if model in _RULES:
            document["allOf"] = _RULES[model]
        return document

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        document = super().default_schema(schema)
        if schema.get("default") is None or isinstance(schema.get("default"), BaseModel):
            document.pop("default", None)
        return document

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def model_of(topic: Topic) -> type[BaseModel]:
    """Return the pydantic model of a public topic's events."""
    assert isinstance(topic.event, type), f"{topic.name} has no model"
    assert issubclass(topic.event, BaseModel), f"{topic.name} is internal: its events are no part of the contract"
    return topic.event


def schema_name(topic: Topic) -> str:
    """Return the name of an event's schema file: `requests.json`, `audit_links.json`, `governance-team.json`."""
    words = topic.name.partition(".")[2].replace(".", "_")
    if topic in PUBLIC:
        return f"{words}.json"
    _, kind, verb, *_ = (topic.ce_type or "").split(".")
    told_first = next(other for other in EVENTS if other.name == topic.name and f".{kind}." in (other.ce_type or ""))
    return f"{words}-{kind}.json" if topic == told_first else f"{words}-{kind}-{verb}.json"


def event_schema(topic: Topic) -> JsonSchemaValue:
    """Return the JSON Schema of a public topic's events."""
    model = model_of(topic)
    read_by_us = model.model_config.get("extra") == "forbid"
    document = model.model_json_schema(
        mode="validation" if read_by_us else "serialization", schema_generator=_Generator
    )
    head = {"$schema": DIALECT, "$id": f"urn:asahi:{(topic.ce_type or '').removeprefix('asahi.')}"}
    return head | document
