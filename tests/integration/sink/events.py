"""Events as producers and workers put them on the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from schemas.result import Lane, Status
from schemas.settings import Settings
from schemas.wire import (
    Answer,
    BaselineRecord,
    Choice,
    ExpectedRecord,
    ResultRecord,
    SavingsRecord,
    SurveyRecord,
    Tokens,
    UsageRecord,
)
from streams.envelope import Publication, cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import RESULTS, USAGE, Topic

START = datetime(2026, 11, 23, 10, 0, 0, 123_456, tzinfo=UTC)
COST = Decimal("0.000000000000123457")
BASELINE = Decimal("0.01")
TENANT = "demo"
SURVEY = "1c7a92ae351d4e21e7d8a9c2b7f04c53"


def result(number: int, *, status: Status = Status.COMPLETED, tenant: str = TENANT) -> ResultRecord:
    """Return the result of request `request-<number>`."""
    saved = BASELINE - COST
    return ResultRecord(
        id=f"request-{number}",
        status=status,
        cost_usd=f"{COST:f}",
        received_at=START + timedelta(milliseconds=number),
        completed_at=START + timedelta(milliseconds=number + 5),
        tenant=tenant,
        output=Answer(f"answer {number}", None, "stop"),
        model="small",
        provider="simulated",
        lane=Lane.BULK,
        usage=Tokens(100, 40, 20, 5),
        baseline=BaselineRecord("large", f"{BASELINE:f}"),
        savings=SavingsRecord(routing=f"{saved:f}"),
        decision=msgspec.Raw(Choice("cheapest", "the cheapest", "0.000001", 0.9, survey=SURVEY).encoded()),
        stages_ms={"governance": 0.1, "providers": 4.9},
        latency_ms=5.0,
        attempts=1,
        tags={"job": "nightly"},
        request_digest="00ff",
    )


def result_event(number: int, *, status: Status = Status.COMPLETED, tenant: str = TENANT) -> Publication:
    record = result(number, status=status, tenant=tenant)
    return cloud_event(RESULTS, record.id, record.tenant, record.completed_at, msgspec.json.encode(record))


def survey_record(*, tenant: str = TENANT) -> SurveyRecord:
    """Return who competed for the requests of `result`."""
    candidates = {
        "small": ExpectedRecord(0.9, "0.000001"),
        "large": ExpectedRecord(0.95, f"{BASELINE:f}", 7, 20, 1.5),
    }
    expected = msgspec.Raw(msgspec.json.encode(candidates))
    return SurveyRecord(SURVEY, tenant, START, "2026-11-20/ab", expected, {"large": "costs more", "odd": "no tools"})


def usage_event(number: int, **fields: Any) -> Publication:
    record = UsageRecord(
        id=f"call-{number}",
        request_id=f"request-{number}",
        tenant=TENANT,
        model="small",
        provider="simulated",
        lane=Lane.BULK,
        usage=Tokens(100, 40, 20, 5),
        cost_usd=f"{COST:f}",
        price_list="2026-11-23",
        latency_ms=4.5,
        occurred_at=START + timedelta(milliseconds=number),
        **fields,
    )
    return cloud_event(USAGE, record.id, record.tenant, record.occurred_at, msgspec.json.encode(record))


def request_body(number: int, tenant: str = TENANT) -> bytes:
    """Return a request as a producer of few words writes it."""
    return msgspec.json.encode({"id": f"request-{number}", "tenant": tenant, "prompt": f"question {number}"})


def bulk(numbers: Iterable[int], tenant: str = TENANT) -> Publication:
    """Return one message that holds many requests, without any attributes."""
    return Publication(b"[" + b",".join(request_body(number, tenant) for number in numbers) + b"]", tenant.encode())


async def publish(
    settings: Settings, topic: Topic, events: Sequence[Publication], partition: int | None = None
) -> None:
    """Publish events to one partition, that of their key unless another is named."""
    async with Outbox(settings.kafka) as outbox:
        if partition is None:
            partition = home_partition((events[0].key or b"").decode(), topic.partitions(settings.kafka))
        await outbox.publish(topic.name, partition, events)


async def spread(settings: Settings, topic: Topic, events: Sequence[Publication]) -> None:
    """Publish events to all partitions in turn."""
    partitions = topic.partitions(settings.kafka)
    async with Outbox(settings.kafka) as outbox:
        for partition in range(partitions):
            await outbox.publish(topic.name, partition, events[partition::partitions])
