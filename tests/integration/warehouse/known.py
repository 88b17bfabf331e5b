"""A few weeks of two organizations, small enough to add up by hand, relative to the day on which the tests run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec
from aiokafka import TopicPartition

from schemas.result import Lane, Status
from schemas.wire import (
    NO_DECISION,
    Answer,
    BaselineRecord,
    Choice,
    HitRecord,
    ProblemRecord,
    ResultRecord,
    SavingsRecord,
    Tokens,
    UsageRecord,
)
from streams.envelope import Publication, cloud_event
from streams.sink.block import COLUMNS, Block, encode
from streams.topics import (
    ANOMALIES,
    ANOMALIES_ENDED,
    BUDGET_FORECASTS,
    FORECASTS,
    GOVERNANCE,
    RESULTS,
    USAGE,
    Topic,
)
from streams.warehouse.client import Warehouse
from tests.unit.sink.records import record

REASON = "the cheapest of sufficient quality"
BIG, SMALL = ("big", "openai"), ("small", "mistral")


class Calendar:
    """Moments that the queries look at.

    Attributes:
        today: The day on which the data was made.
        monday: When last week began.
    """

    def __init__(self, now: datetime) -> None:
        self.today = datetime(now.year, now.month, now.day, tzinfo=UTC)
        self.monday = self.today - timedelta(days=7 + self.today.weekday())

    @property
    def month(self) -> datetime:
        """When this month began."""
        return self.today.replace(day=1)

    def of(self, day: int, hour: int, minute: int = 0) -> datetime:
        """Return a moment of last week; `day` 0 is its Monday."""
        return self.monday + timedelta(days=day, hours=hour, minutes=minute)


def call(
    name: str,
    at: datetime,
    owner: tuple[str, str | None, str | None],
    model: tuple[str, str],
    tokens: tuple[int, int, int],
    cost: str,
    latency_ms: float,
    **fields: Any,
) -> Publication:
    """Return a paid call."""
    tenant, team, user = owner
    made = UsageRecord(
        id=name,
        request_id=f"r{name[1:]}",
        tenant=tenant,
        model=model[0],
        provider=model[1],
        lane=fields.pop("lane", Lane.INTERACTIVE),
        usage=Tokens(*tokens),
        cost_usd=cost,
        price_list=fields.pop("price_list", "list-1"),
        latency_ms=latency_ms,
        occurred_at=at,
        user=user,
        team=team,
        task_type=fields.pop("task_type", "chat"),
        **fields,
    )
    event_id = f"{name}/{made.revision}" if made.revision else name
    return cloud_event(USAGE, event_id, tenant, at, msgspec.json.encode(made))


def answer(
    name: str,
    at: datetime,
    owner: tuple[str, str | None, str | None],
    model: tuple[str, str],
    money: tuple[str, str | None],
    savings: dict[str, str],
    choice: tuple[str, str | None] | None,
    **fields: Any,
) -> Publication:
    """Return a result."""
    tenant, team, user = owner
    cost, baseline = money
    made = ResultRecord(
        id=name,
        status=fields.pop("status", Status.COMPLETED),
        cost_usd=cost,
        received_at=at,
        completed_at=at,
        tenant=tenant,
        user=user,
        team=team,
        output=Answer("an answer", None, "stop"),
        model=model[0],
        provider=model[1],
        lane=fields.pop("lane", Lane.INTERACTIVE),
        task_type=fields.pop("task_type", "chat"),
        baseline=None if baseline is None else BaselineRecord("big", baseline),
        savings=SavingsRecord(**savings),
        latency_ms=fields.pop("latency_ms", 100.0),
        decision=NO_DECISION if choice is None else msgspec.Raw(Choice(choice[0], REASON, choice[1]).encoded()),
        **fields,
    )
    return cloud_event(RESULTS, name, tenant, at, msgspec.json.encode(made))


def calls(when: Calendar) -> list[Publication]:
    """Return the paid calls; one was corrected, one comes twice."""
    search, support, zeta = ("acme", "search", "amara"), ("acme", "support", "ben"), ("zeta", None, None)
    bulk: dict[str, Any] = {"lane": Lane.BULK, "batch": True, "task_type": "extraction"}
    first = call("c1", when.of(0, 9), search, BIG, (1000, 500, 100), "3", 1000.0)
    tuesday = call("c3", when.of(1, 14), support, BIG, (500, 0, 400), "2", 3000.0, superseded=True)
    return [
        first,
        call("c2", when.of(0, 9, 30), search, SMALL, (2000, 0, 200), "9", 100.0, **bulk),
        call(
            "c2",
            when.of(0, 9, 30),
            search,
            SMALL,
            (2000, 0, 200),
            "1",
            100.0,
            revision=1,
            price_list="list-2",
            **bulk,
        ),
        tuesday,
        call("c4", when.of(-7, 9), search, BIG, (1000, 0, 1000), "4", 1000.0),
        call("c5", when.today, support, SMALL, (100, 0, 100), "0.5", 50.0),
        call("c6", when.of(2, 20), zeta, SMALL, (300, 0, 100), "0.25", 200.0),
        first,
    ]


def results(when: Calendar) -> list[Publication]:
    """Return what requests came to."""
    search, support, zeta = ("acme", "search", "amara"), ("acme", "support", "ben"), ("zeta", None, None)
    exact = HitRecord("exact", "r1", 60.0)
    semantic = HitRecord("semantic", "r1", 20.0, 0.93, 0.97, 0.02)
    problem = ProblemRecord("budget_exhausted", "the budget is used up", "raise it")
    extraction: dict[str, Any] = {"lane": Lane.BULK, "task_type": "extraction"}
    hit: dict[str, Any] = {"status": Status.CACHED}
    little = {"routing": "2", "compression": "0"}
    saved_twice = {"routing": "2", "batch_lane": "1"}
    return [
        answer("r1", when.of(0, 9), search, BIG, ("3", "5"), little, ("cheapest", "1")),
        answer("r2", when.of(0, 10), search, SMALL, ("1", "4"), saved_twice, ("cheapest", "1"), **extraction),
        answer(
            "r3", when.of(0, 11), search, BIG, ("0", "3"), {"cache_exact": "3"}, ("cache", None), cache=exact, **hit
        ),
        answer("r4", when.of(1, 8), support, ("", ""), ("0", None), {}, None, status=Status.REJECTED, error=problem),
        answer(
            "r5", when.of(1, 9), support, BIG, ("0", "1.5"), {"cache_semantic": "1.5"}, ("cache", None),
            cache=semantic, **hit,
        ),
        answer(
            "r6", when.today, support, SMALL, ("0.5", "0.75"), {"routing": "0.25"}, ("cheapest", None),
            latency_ms=80.0,
        ),
        answer("r7", when.of(2, 20), zeta, SMALL, ("0.25", "1"), {"routing": "0.75"}, ("explicit", "0.25")),
    ]  # fmt: skip


FACTS = [
    Publication(
        b'{"tenant":"acme","reference_model":"big","budgets":[{"period":"total","limit_usd":"100"}]}', b"acme"
    ),
    Publication(
        b'{"tenant":"acme","team":"support","budgets":[{"period":"month","limit_usd":"1","hard":false}]}',
        b"acme/team/support",
    ),
    Publication(b'{"tenant":"zeta","reference_model":"big","budgets":[{"period":"total","limit_usd":"7"}]}', b"zeta"),
]


def strange(when: Calendar) -> list[Publication]:
    """Return an anomaly of last week, opened and ended, and one of the week before."""
    kept: dict[str, Any] = {
        "tenant": "acme",
        "metric": "spend",
        "severity": 0.9,
        "unit": "USD per minute",
        "observed": 3.0,
        "expected": 0.5,
        "lower": 0.0,
        "upper": 1.0,
        "contributions": [{"dimension": "user", "value": "amara", "before": 0.1, "now": 2.6, "share": 0.98}],
        "title": "Spend of acme is up",
        "text": "Spend of acme is up.",
    }
    found = []
    for start in (when.of(0, 9), when.of(-6, 9)):
        name = f"acme/spend/{start:%Y-%m-%dT%H:%MZ}"
        event = kept | {"anomaly": name, "start": start.isoformat(), "detected_at": start.isoformat()}
        ended = event | {"id": f"{name}/ended", "end": (start + timedelta(minutes=12)).isoformat()}
        for topic, each in ((ANOMALIES, event | {"id": f"{name}/opened"}), (ANOMALIES_ENDED, ended)):
            found.append(cloud_event(topic, each["id"], "acme", start, msgspec.json.encode(each)))
    return found


def foreseen(when: Calendar) -> list[Publication]:
    """Return forecasts of last week's first days, one of them made anew on Monday evening, and of a budget."""
    found = []
    for known_until, means in ((when.of(0, 0), (5.0, 5.0)), (when.of(1, 0), (2.5,))):
        points = [
            {
                "start": (known_until + timedelta(days=day)).isoformat(),
                "mean": mean,
                "lower": mean - 1,
                "upper": mean + 1,
            }
            for day, mean in enumerate(means)
        ]
        event: dict[str, Any] = {
            "id": f"acme/spend/*/day/{known_until:%Y-%m-%dT%H:%MZ}",
            "tenant": "acme",
            "metric": "spend",
            "step": "day",
            "known_until": known_until.isoformat(),
            "made_at": known_until.isoformat(),
            "method": "ETS",
            "values": 90,
            "points": points,
        }
        found.append(cloud_event(FORECASTS, event["id"], "acme", known_until, msgspec.json.encode(event)))
    for known_until, probability in ((when.of(0, 0), 0.2), (when.of(1, 0), 0.93)):
        budget: dict[str, Any] = {
            "id": f"acme/team/support/month/1/{known_until:%Y-%m-%dT%H:%MZ}",
            "tenant": "acme",
            "scope": "team",
            "name": "support",
            "period": "month",
            "limit_usd": "1",
            "spent_usd": "0.7",
            "period_ends_at": when.of(20, 0).isoformat(),
            "known_until": known_until.isoformat(),
            "made_at": known_until.isoformat(),
            "probability": probability,
            "exhausted_at": when.of(3, 0).isoformat(),
            "expected_usd": 1.504,
            "lower_usd": 0.9,
            "upper_usd": 2.0,
        }
        found.append(cloud_event(BUDGET_FORECASTS, budget["id"], "acme", known_until, msgspec.json.encode(budget)))
    return found


async def archived(warehouse: Warehouse, topic: Topic, events: Sequence[Publication], first_offset: int = 0) -> int:
    """Write events as the sink does; return the offset behind them."""
    place = TopicPartition(topic.name, 0)
    offsets = count(first_offset)
    records = [record(next(offsets), event.value, tuple(event.headers), event.key, place) for event in events]
    data = encode("log-1", Block({place: records}).in_order())
    await warehouse.insert("archive_store", COLUMNS, data, {"async_insert": 0})
    return next(offsets)


async def write(warehouse: Warehouse, when: Calendar) -> None:
    """Write everything as the sink does."""
    behind = await archived(warehouse, USAGE, calls(when))
    behind = await archived(warehouse, RESULTS, results(when), behind)
    behind = await archived(warehouse, GOVERNANCE, FACTS, behind)
    behind = await archived(warehouse, ANOMALIES, strange(when), behind)
    await archived(warehouse, FORECASTS, foreseen(when), behind)
