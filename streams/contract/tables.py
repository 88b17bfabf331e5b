"""Tables in Markdown for the pages in `docs/`, by the name that a page's marker gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.section import Section
from schemas.settings import ProviderSettings, Settings
from streams.contract.json_schema import event_schema
from streams.contract.prose import Meanings
from streams.metrics.catalogue import FIGURES
from streams.topics import (
    ANOMALIES,
    ANOMALIES_ACKNOWLEDGED,
    ANOMALIES_ENDED,
    ANOMALIES_MUTED,
    AUDIT,
    AUDIT_CHECKPOINTS,
    AUDIT_LINKS,
    BUDGET_FORECASTS,
    DATA_KEYS,
    DEADLETTER,
    DESTROYED_DATA_KEYS,
    EVENTS,
    EVICTIONS,
    FEEDBACK,
    FORECASTS,
    GOVERNANCE,
    KEYS,
    MINUTES,
    RECOMMENDATIONS,
    REQUESTS,
    RESULTS,
    SURVEYS,
    TEAMS,
    USAGE,
    USERS,
    Topic,
)

Row = tuple[str, ...]
Schema = dict[str, Any]

_LIMITS = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
    ("maxProperties", "at most {}"),
    ("maxLength", "at most {} characters"),
)
_AS_JSON = ("providers", "tenants")


def topics_table() -> str:
    """Return the public topics."""
    kafka = Settings.model_fields["kafka"].default
    rows: list[Row] = []
    for topic in EVENTS:
        kept = "the newest per key" if topic.compacted else f"{kafka.retention_hours:g} h"
        partitions = "`kafka.partitions`" if topic.copartitioned else "1"
        rows.append((f"`{topic.name}`", topic.summary, topic.key, f"`{topic.ce_type}`", partitions, kept))
    return _table(("topic", "what", "key", "`ce_type`", "partitions", "kept"), rows)


def fields_table(topic: Topic) -> str:
    """Return every field of an event, parts of parts included."""
    schema = event_schema(topic)
    rows = list(_field_rows(schema, schema.get("$defs", {}), ""))
    return _table(("field", "type", "default", "meaning"), rows)


def settings_table() -> str:
    """Return every setting with its variable, default and meaning."""
    rows: list[Row] = []
    meanings = Meanings(Settings)
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            rows.extend(_setting_rows(type(field.default), name))
        else:
            default = "see below" if name in _AS_JSON else _default(field)
            rows.append((f"`{name}`", f"`ASAHI_{name.upper()}`", default, meanings[name]))
    rows.extend((name, "", default, meaning) for name, _, default, meaning in _setting_rows(*_PROVIDER))
    return _table(("setting", "variable", "default", "meaning"), rows)


def figures_table() -> str:
    """Return every figure for Prometheus."""
    rows: list[Row] = [
        (
            f"`{figure.shown}`",
            figure.kind.value,
            ", ".join(f"`{label}`" for label in figure.labels),
            figure.unit,
            figure.teller.value,
            figure.meaning,
        )
        for figure in FIGURES
    ]
    return _table(("figure", "kind", "labels", "unit", "of a", "meaning"), rows)


_PROVIDER = (ProviderSettings, "providers.<name>")


def _setting_rows(section: type[BaseModel], name: str) -> Iterator[Row]:
    meanings = Meanings(section)
    for key, field in section.model_fields.items():
        yield f"`{name}.{key}`", f"`ASAHI_{name}_{key}`".upper(), _default(field), meanings[key]


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if value is None or value == {}:
        return ""
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if str(value) else "empty"


def _field_rows(schema: Schema, definitions: dict[str, Schema], prefix: str) -> Iterator[Row]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        path = f"{prefix}{name}"
        part, kind = _described(field, definitions)
        default = "required" if name in required else _written(field)
        yield f"`{path}`", kind, default, field["description"]
        if part is not None:
            suffix = "[]." if kind.startswith("list") else "."
            yield from _field_rows(part, definitions, path + suffix)


def _written(field: Schema) -> str:
    return f"`{json.dumps(field['default'])}`" if field.get("default") not in (None, {}) else ""


def _described(field: Schema, definitions: dict[str, Schema]) -> tuple[Schema | None, str]:
    """Return the schema of the object a field holds, if its fields are known, and its type in words."""
    if "anyOf" in field:
        parts = [_described(option, definitions) for option in field["anyOf"] if option.get("type") != "null"]
        return next((part for part, _ in parts if part is not None), None), " or ".join(kind for _, kind in parts)
    if "$ref" in field:
        return _described(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "enum" in field:
        return None, ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return None, f"`{field['const']}`"
    if field.get("type") == "array":
        part, kind = _described(field["items"], definitions)
        return part, _limited(f"list of {kind}", field)
    if "properties" in field:
        return field, "object"
    kind = "time, RFC 3339" if field.get("format") == "date-time" else str(field.get("type", "any"))
    return None, _limited(kind, field)


def _limited(kind: str, field: Schema) -> str:
    limits = [words.format(_number(field[name])) for name, words in _LIMITS if name in field]
    return ", ".join([kind, *limits])


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(head: Row, rows: list[Row]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def _fields_of_topic(topic: Topic) -> Callable[[], str]:
    return lambda: fields_table(topic)


TABLES: dict[str, Callable[[], str]] = {
    "topics": topics_table,
    "settings": settings_table,
    "figures": figures_table,
    "requests": _fields_of_topic(REQUESTS),
    "results": _fields_of_topic(RESULTS),
    "usage": _fields_of_topic(USAGE),
    "surveys": _fields_of_topic(SURVEYS),
    "audit": _fields_of_topic(AUDIT),
    "audit_links": _fields_of_topic(AUDIT_LINKS),
    "audit_checkpoints": _fields_of_topic(AUDIT_CHECKPOINTS),
    "feedback": _fields_of_topic(FEEDBACK),
    "anomalies": _fields_of_topic(ANOMALIES),
    "anomalies.ended": _fields_of_topic(ANOMALIES_ENDED),
    "anomalies.acknowledged": _fields_of_topic(ANOMALIES_ACKNOWLEDGED),
    "anomalies.muted": _fields_of_topic(ANOMALIES_MUTED),
    "forecasts": _fields_of_topic(FORECASTS),
    "forecasts.budget": _fields_of_topic(BUDGET_FORECASTS),
    "minutes": _fields_of_topic(MINUTES),
    "recommendations": _fields_of_topic(RECOMMENDATIONS),
    "deadletter": _fields_of_topic(DEADLETTER),
    "governance": _fields_of_topic(GOVERNANCE),
    "governance.team": _fields_of_topic(TEAMS),
    "governance.user": _fields_of_topic(USERS),
    "governance.key": _fields_of_topic(KEYS),
    "governance.datakey": _fields_of_topic(DATA_KEYS),
    "governance.destroyed": _fields_of_topic(DESTROYED_DATA_KEYS),
    "governance.evicted": _fields_of_topic(EVICTIONS),
}
