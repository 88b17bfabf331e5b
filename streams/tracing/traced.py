"""What of a result goes into its trace, and when its stages were. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

MARK = b'"traceparent":"'
"""Stands in every result that belongs to a trace, and seldom in another."""
BEFORE_THE_CALL = frozenset({"governance", "cache", "windows", "routing"})
PAUSE = "backoff"
CALL = "provider"
NS_PER_SECOND = 1_000_000_000
NS_PER_MS = 1_000_000


class Context(msgspec.Struct, frozen=True):
    """A trace context as the request brought it."""

    traceparent: str
    tracestate: str | None = None


class Tokens(msgspec.Struct, frozen=True):
    """Of the call that answered."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0


class Output(msgspec.Struct, frozen=True):
    """The answer, without what it says."""

    finish_reason: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """Why there is no answer."""

    code: str


class Hit(msgspec.Struct, frozen=True):
    """Where a cached answer came from."""

    tier: str
    source_request_id: str = ""


class Decision(msgspec.Struct, frozen=True):
    """Why this model."""

    rule: str = ""


class TracedResult(msgspec.Struct, frozen=True):
    """The parts of `schemas.result.Result` that a trace tells; prompt, answer, user and tags are not among them."""

    id: str
    status: str
    received_at: datetime
    completed_at: datetime
    trace: Context | None = None
    tenant: str | None = None
    lane: str | None = None
    model: str | None = None
    provider: str | None = None
    cost_usd: str = "0"
    attempts: int = 0
    stages_ms: dict[str, float] = {}
    usage: Tokens = Tokens()
    output: Output | None = None
    error: Problem | None = None
    cache: Hit | None = None
    decision: Decision | None = None


class Stretch(NamedTuple):
    """A stage on the way, in Unix nanoseconds."""

    stage: str
    start: int
    end: int


_results = msgspec.json.Decoder(TracedResult)


def read(value: bytes) -> TracedResult:
    """Return a result.

    Raises:
        msgspec.DecodeError: It is none.
    """
    return _results.decode(value)


def nanoseconds(moment: datetime) -> int:
    """Return a time in Unix nanoseconds, to the microsecond that events tell."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * NS_PER_SECOND + moment.microsecond * 1000


def stretches(result: TracedResult) -> Iterator[Stretch]:
    """Give the stages with their beginnings and ends.

    A result says how long each stage took, not when. Those before the call follow one another from the receipt; the
    call and what comes after it end with the result. What lies between is the way over the log. The pauses between
    several attempts are put before all of them.
    """
    received, completed = nanoseconds(result.received_at), nanoseconds(result.completed_at)
    at = received
    for stage, spent in result.stages_ms.items():
        if stage in BEFORE_THE_CALL:
            end = min(at + int(spent * NS_PER_MS), completed)
            yield Stretch(stage, at, end)
            at = end
    after = [stage for stage in result.stages_ms if stage not in BEFORE_THE_CALL]
    if PAUSE in after and CALL in after:
        after.remove(PAUSE)
        after.insert(after.index(CALL), PAUSE)
    end, backwards = completed, []
    for stage in reversed(after):
        start = max(end - int(result.stages_ms[stage] * NS_PER_MS), received)
        backwards.append(Stretch(stage, start, end))
        end = start
    yield from reversed(backwards)
