"""What producers send, well formed and not, as hypothesis strategies."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from agents.governance.decoder import decode
from schemas.settings import IntakeSettings
from streams.outcomes import Message, Outcome

INTAKE = IntakeSettings()
TOPIC, PARTITION, OFFSET = "asahi.requests", 3, 41

modest = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
"""Enough examples to find a slip, few enough for a suite that runs at every save; the machine may be busy."""

Document = dict[str, Any]

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,10}", fullmatch=True)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
free_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
free_objects = st.lists(st.dictionaries(texts, free_values, max_size=2), max_size=2)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={"content": st.none() | texts | free_objects, "name": texts, "tool_calls": free_objects},
)
optional_fields = {
    "version": st.just(1),
    "user": texts,
    "tools": free_objects,
    "response_format": st.dictionaries(texts, free_values, max_size=2),
    "sampling": st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 2),
            "max_output_tokens": st.integers(1, 9),
            "stop": st.lists(texts, max_size=3),
        },
    ),
    "constraints": st.fixed_dictionaries(
        {},
        optional={
            "min_quality": st.floats(0, 1),
            "max_cost_usd": st.decimals(0, 1000, places=6).map(str),
            "deadline": st.datetimes(timezones=st.just(None)).map(lambda at: at.isoformat() + "Z"),
        },
    ),
    "task_type": texts,
    "cache": st.fixed_dictionaries({}, optional={"directive": st.sampled_from(["default", "bypass", "refresh"])}),
    "tags": st.dictionaries(texts, texts, max_size=3),
    "created_at": st.just("2026-11-23T07:00:00Z"),
}
prompts = st.fixed_dictionaries({"id": ids, "tenant": names, "prompt": texts}, optional=optional_fields)
chats = st.fixed_dictionaries(
    {"id": ids, "tenant": names, "messages": st.lists(messages, min_size=1, max_size=3)}, optional=optional_fields
)
explicit = prompts.map(lambda document: document | {"mode": "explicit", "model": "gpt-4-turbo"})
documents: st.SearchStrategy[Document] = prompts | chats | explicit
"""Valid requests as parsed JSON."""

wild_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "tenant", "prompt", "messages", "tags"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=12,
)
"""Anything Python's JSON encoder writes: NaN, lone surrogates and integers of any size among it."""


def encoded(value: object) -> bytes:
    """Return JSON as a careless producer writes it."""
    return json.dumps(value).encode()


def message(value: bytes | None, key: bytes | None = None, *headers: tuple[str, bytes]) -> Message:
    return Message(value, key, headers, TOPIC, PARTITION, OFFSET)


def outcomes(value: bytes | None, key: bytes | None = None, *headers: tuple[str, bytes]) -> list[Outcome]:
    return decode(message(value, key, *headers), INTAKE)
