"""Generated usage for the warehouse benchmark: many organizations of very different size over three months.

Calls come in the order of time, faster at noon, slower at night and on weekends, and grow. An organization's share
follows a power law, and so do a team's in it and a user's in a team; models and tasks are preferred unequally.
Costs are tokens times prices, to the last digit. A few calls come twice and a few come an hour late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from aiokafka import ConsumerRecord, TopicPartition
from numpy.typing import NDArray

from streams.topics import USAGE

ORGANIZATIONS, TEAMS, USERS, KEYS = 40, 5, 30, 4
POWER = 1.1
PARTITIONS = 8
MODELS = (
    ("gpt-4-turbo", "openai", 10_000, 30_000, 0.12),
    ("gpt-4o-mini", "openai", 150, 600, 0.38),
    ("claude-3-5-sonnet", "anthropic", 3_000, 15_000, 0.22),
    ("claude-3-haiku", "anthropic", 250, 1_250, 0.18),
    ("mistral-small", "mistral", 200, 600, 0.07),
    ("llama-3-70b", "together", 880, 880, 0.03),
)
"""Name, provider, price of input and output in thousand-millionths of a dollar per token, share of calls."""
TASKS = (("summarization", 0.35), ("extraction", 0.25), ("chat", 0.2), ("classification", 0.15), ("", 0.05))
APPS = ("portal", "backoffice", "nightly", "assistant")
BULK, BATCH = 0.3, 0.4
NIGHT, WEEKEND, GROWTH = 0.15, 0.35, 0.5
"""Traffic at night and on weekends as a share of the busiest hour's, and how much it grows over the whole time."""
CACHED, REASONING = 0.3, 0.1
LATE, TWICE = 0.01, 0.005
HOUR_MICROSECONDS = 3_600_000_000
RESOLUTION = 60
"""Seconds within which the pace of traffic is taken as constant."""
SPEC, CONTENT = ("ce_specversion", b"1.0"), ("content-type", b"application/json")

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """Three months up to now.

    Attributes:
        end: When the last call began.
        days: How long it is.
    """

    end: datetime
    days: int = 90

    @property
    def start(self) -> datetime:
        """When the first call began."""
        return self.end - timedelta(days=self.days)


def power_law(count: int, rng: np.random.Generator, rows: int) -> Integers:
    """Return numbers below `count`, small ones more often."""
    weights = np.arange(1, count + 1) ** -POWER
    drawn: Integers = rng.choice(np.arange(count), rows, p=weights / weights.sum())
    return drawn


def moments(span: Span, rows: int, rng: np.random.Generator) -> Integers:
    """Return when calls begin, microseconds since 1970, in order."""
    seconds = np.arange(0, span.days * 86_400, RESOLUTION) + span.start.timestamp()
    of_day = (seconds % 86_400) / 3_600
    weekday = ((seconds // 86_400 + 3) % 7).astype(int)
    pace = NIGHT + (1 - NIGHT) * (0.5 - 0.5 * np.cos((of_day - 1) / 24 * 2 * np.pi)) ** 2
    pace *= np.where(weekday >= 5, WEEKEND, 1.0) * np.linspace(1, 1 + GROWTH, len(seconds))
    so_far = np.concatenate([[0], np.cumsum(pace)])
    drawn = np.sort(rng.random(rows)) * so_far[-1]
    at = np.interp(drawn, so_far, np.concatenate([seconds, [seconds[-1] + RESOLUTION]]))
    begun: Integers = (at * 1_000_000).astype(np.int64)
    return begun


def _tokens(rng: np.random.Generator, rows: int, mean: float) -> Integers:
    return np.maximum(1, rng.lognormal(np.log(mean), 0.9, rows)).astype(np.int64)


def records(
    span: Span, rows: int, block_rows: int, seed: int, random_ids: bool = False
) -> Iterator[list[ConsumerRecord]]:
    """Yield calls as the log gives them, block by block.

    Args:
        span: When they were made.
        rows: How many there are, those that come twice counted once.
        block_rows: How many come in one block, or a few more.
        seed: The same gives the same calls.
        random_ids: Whether producers name requests by random 128 bits, instead of counting them.
    """
    rng = np.random.default_rng(seed)
    begun = moments(span, rows, rng)
    offsets = [0] * PARTITIONS
    late: list[tuple[int, bytes, bytes, bytes]] = []
    for first in range(0, rows, block_rows):
        part = begun[first : first + block_rows]
        made = list(_events(part, first, rng, random_ids))
        leaves = rng.random(len(made)) < LATE
        again = rng.random(len(made)) < TWICE
        now = int(part[-1])
        due = [event for event in late if event[0] + HOUR_MICROSECONDS <= now]
        late = [event for event in late if event[0] + HOUR_MICROSECONDS > now]
        late += [event for event, leaving in zip(made, leaves, strict=True) if leaving]
        there = [event for event, leaving in zip(made, leaves, strict=True) if not leaving]
        there += due + [event for event, twice in zip(made, again, strict=True) if twice]
        yield _records(there, now, offsets)
    if late:
        yield _records(late, int(begun[-1]), offsets)


def _events(
    begun: Integers, first: int, rng: np.random.Generator, random_ids: bool
) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """Yield when a call began, its id, its organization and its event."""
    rows = len(begun)
    organizations = power_law(ORGANIZATIONS, rng, rows).tolist()
    teams, users = power_law(TEAMS, rng, rows).tolist(), power_law(USERS, rng, rows).tolist()
    models = rng.choice(len(MODELS), rows, p=[share for *_, share in MODELS])
    tasks = rng.choice(len(TASKS), rows, p=[share for _, share in TASKS]).tolist()
    bulk = rng.random(rows) < BULK
    batch = bulk & (rng.random(rows) < BATCH)
    inputs, outputs = _tokens(rng, rows, 600), _tokens(rng, rows, 120)
    cached = np.where(rng.random(rows) < CACHED, inputs // 2, 0)
    reasoning = np.where(rng.random(rows) < REASONING, outputs // 3, 0)
    prices_in = np.array([price for _, _, price, _, _ in MODELS])[models]
    prices_out = np.array([price for _, _, _, price, _ in MODELS])[models]
    costs = (inputs * prices_in + outputs * prices_out - cached * prices_in // 2) // np.where(batch, 2, 1)
    latencies = np.round(rng.lognormal(np.log(300 + outputs * 9), 0.35), 3).tolist()
    columns = (begun, models, bulk, batch, inputs, cached, outputs, reasoning, costs)
    whole = zip(*(column.tolist() for column in columns), organizations, teams, users, tasks, latencies, strict=True)
    for number, row in enumerate(whole, first):
        at, model, in_bulk, in_batch, tin, hit, tout, thought, cost, org, team, user, task, latency = row
        name, provider, *_ = MODELS[model]
        call = b"8c1f0e5b7a2d4f6093b1c7d8e9fa0b1c-%x" % number
        tenant = f"org-{org:02}"
        named = rng.bytes(16).hex() if random_ids else f"{tenant}-{number:09}"
        stamp = datetime.fromtimestamp(at / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
        text = (
            f'{{"id":"{call.decode()}","request_id":"{named}","tenant":"{tenant}","model":"{name}",'
            f'"provider":"{provider}","lane":"{"bulk" if in_bulk else "interactive"}",'
            f'"usage":{{"input_tokens":{tin},"cached_input_tokens":{hit},"output_tokens":{tout},'
            f'"reasoning_tokens":{thought}}},"cost_usd":"{cost / 1e9:.9f}","price_list":"2026-11-20/4f1c/v3",'
            f'"latency_ms":{latency},"occurred_at":"{stamp}","user":"{tenant}-user-{team}-{user}",'
            f'"task_type":"{TASKS[task][0]}","tags":{{"app":"{APPS[team % len(APPS)]}"}},'
            f'"batch":{"true" if in_batch else "false"},"team":"team-{team}","key_id":"{tenant}-key-{user % KEYS}"}}'
        )
        yield at, call, tenant.encode(), text.encode()


def _records(events: list[tuple[int, bytes, bytes, bytes]], now: int, offsets: list[int]) -> list[ConsumerRecord]:
    """Return events as records of the partition of their organization, at the time of the newest."""
    made: list[ConsumerRecord] = []
    kind, source = (USAGE.ce_type or "").encode(), b"asahi"
    for at, call, tenant, value in events:
        partition = int(tenant[4:]) % PARTITIONS
        headers = (SPEC, ("ce_id", call), ("ce_type", kind), ("ce_source", source), ("ce_time", b"%d" % at), CONTENT)
        made.append(
            ConsumerRecord(
                USAGE.name, partition, offsets[partition], now // 1000, 0, tenant, value, None, 0, 0, headers
            )
        )
        offsets[partition] += 1
    return made


def by_place(made: list[ConsumerRecord]) -> dict[TopicPartition, list[ConsumerRecord]]:
    """Return records by where they stand."""
    places: dict[TopicPartition, list[ConsumerRecord]] = {}
    for one in made:
        places.setdefault(TopicPartition(one.topic, one.partition), []).append(one)
    return places
