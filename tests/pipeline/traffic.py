"""What producers send, good and bad, drawn by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from streams.partitioning import home_partition
from tests.pipeline.rig import PARTITIONS, ask
from tests.unit.providers.virtual_time import START

FAR_SECONDS = 3600.0
TENANTS = ("acme", "zeta")

Plan = tuple[str, int, int, str]
"""What kind of request, a number to choose with, milliseconds to wait before it, and whose it is."""

KINDS = (
    "own",
    "own",
    "same",
    "same",
    "bulk",
    "bulk same",
    "soon",
    "bypass",
    "cascade",
    "steps",
    "steps",
    "steps bulk",
    "steps soon",
    "steps bypass",
    "only",
    "again",
    "other",
    "stray",
    "wrong",
    "garbage",
    "array",
    "unknown",
)

SENT_AGAIN = ("again", "other", "stray")
"""What may arrive a second time at some partition: recognised as far back as results are remembered."""


def plans(*without: str) -> st.SearchStrategy[list[Plan]]:
    """Return plans of all kinds of requests but some."""
    kinds = [kind for kind in KINDS if kind not in without]
    plan = st.tuples(
        st.sampled_from(kinds), st.integers(0, 3), st.sampled_from((0, 0, 5, 40)), st.sampled_from(TENANTS)
    )
    return st.lists(plan, min_size=1, max_size=20)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a producer.

    Attributes:
        ids: Of the requests in it that must get a result.
        dead: Dead letters that must come of it, by code.
    """

    pause: float
    value: bytes
    key: str | None
    partition: int | None = None
    ids: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()


def in_seconds(seconds: float) -> dict[str, Any]:
    """Return constraints with a deadline."""
    return {"deadline": datetime.fromtimestamp(START + seconds, UTC).isoformat()}


def messages(plan: list[Plan]) -> list[Message]:
    """Return the messages of a plan."""
    sent: list[Message] = []
    singles: list[tuple[str, str, bytes]] = []
    seconds = 0.0
    for number, (kind, choice, pause_ms, tenant) in enumerate(plan):
        pause = pause_ms / 1000
        seconds += pause
        name = f"r{number}"
        if kind in ("again", "other"):
            if not singles:
                continue
            name, owner, value = singles[choice % len(singles)]
            if kind == "other":
                value = ask(name, owner, prompt="something else")
                sent.append(Message(pause, value, owner, None, (name,), ("request_id_conflict",)))
            else:
                sent.append(Message(pause, value, owner, None, (name,)))
            continue
        message = _message(kind, choice, name, tenant, pause, seconds)
        sent.append(message)
        if message.ids == (name,) and kind not in ("wrong", "stray", "unknown"):
            singles.append((name, tenant, message.value))
    return sent


def with_steps(question: str, document: int) -> dict[str, Any]:
    """Return the fields of a request about one of a few documents: of three steps, one needs the other two."""
    return {
        "prompt": f"{question}? It says {{{{steps.short}}}} in {{{{steps.language}}}}.",
        "steps": [
            {"name": "short", "operation": "shorten", "input": "{{steps.gist}} of {{steps.language}}"},
            {"name": "gist", "operation": "summarize", "input": f"document {document}"},
            {"name": "language", "operation": "name the language", "input": f"document {document % 2}"},
        ],
    }


def _message(kind: str, choice: int, name: str, tenant: str, pause: float, seconds: float) -> Message:
    same = {"prompt": f"same {choice}"}
    far = {"constraints": in_seconds(FAR_SECONDS)}
    soon = {"constraints": in_seconds(seconds + 0.02 * choice), **same}
    longest = 8 if choice % 2 else 500  # an answer that is cut off does not hold
    steps = with_steps(name, choice)
    fields: dict[str, dict[str, Any]] = {
        "own": {},
        "steps": steps,
        "steps bulk": {**steps, **far},
        "steps soon": {**steps, "constraints": soon["constraints"]},
        "steps bypass": {**steps, "cache": {"directive": "bypass"}},
        "same": same,
        "bulk": far,
        "bulk same": {**far, **same},
        "soon": soon,
        "bypass": {**same, "cache": {"directive": "bypass"}},
        "cascade": {"strategy": "cascade", "sampling": {"max_output_tokens": longest}},
        "only": {**same, "cache": {"directive": "only"}},
        "wrong": {"sampling": {"temperature": "hot"}},
    }
    if kind in fields:
        return Message(pause, ask(name, tenant, **fields[kind]), tenant, None, (name,))
    if kind == "stray":
        elsewhere = (home_partition(tenant, PARTITIONS) + 1) % PARTITIONS
        return Message(pause, ask(name, tenant), None, elsewhere, (name,))
    if kind == "unknown":
        return Message(pause, ask(name, "nobody"), "nobody", None, (name,))
    if kind == "garbage":
        return Message(pause, b"{" * (choice + 1), tenant, None, (), ("invalid_json",))
    names = tuple(f"{name}-{place}" for place in range(3))
    elements = [ask(names[0], tenant), ask(names[1], tenant, **same), ask(names[2], tenant, **far)]
    return Message(pause, b"[" + b",".join([*elements, b"7"]) + b"]", tenant, None, names, ("invalid_json",))
