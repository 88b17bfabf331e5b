"""Anomalies on the real log and engine: found, explained, told once, and not invented."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import orjson
from aiohttp import web
from aiokafka import TopicPartition
from pydantic import SecretStr

from agents.analytics.anomalies.teaching import taught
from agents.analytics.anomalies.watch import Least
from agents.analytics.commands.facts import mute
from agents.analytics.live.analyst import GROUP_SUFFIX
from agents.analytics.live.minutes import figures_by_minute
from agents.analytics.live.notes import note_of
from schemas.anomaly import Metric
from schemas.settings import Settings
from streams.admin import admin
from streams.envelope import cloud_event
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.tail import read_tail
from streams.topics import ANOMALIES, ANOMALIES_ENDED, MINUTES, RESULTS, WATCH
from streams.warehouse.client import Warehouse
from tests.integration.analytics.clock import Clock, judging
from tests.integration.analytics.history import MINUTE, analyst_process, ids, results, told
from tests.integration.sink.events import publish, result
from tests.integration.sink.running import eventually, running
from tests.integration.warehouse.databases import count

TENANT = "acme"
TAUGHT = 300
LONG_AGO = 40
"""Minutes before now: since then nothing was judged."""


async def noted_past(settings: Settings, warehouse: Warehouse, last: int) -> None:
    """Note what is usual of the tenant up to a minute, as an analyst that ended then would have."""
    figures = await figures_by_minute(warehouse, last - TAUGHT, last, [TENANT])
    watch = taught(figures[TENANT], last, (), Least.configured(settings.analytics))
    async with Outbox(settings.kafka) as outbox:
        partition = home_partition(TENANT, settings.kafka.partitions)
        await outbox.publish(WATCH.name, partition, [note_of(TENANT, watch)])


async def test_an_incident_is_told_once_with_its_cause_though_the_analyst_is_killed(
    settings: Settings, warehouse: Warehouse
) -> None:
    now = int(time.time()) // MINUTE
    start = now - LONG_AGO
    await results(warehouse, TENANT, start - TAUGHT, now, 30, 0.01)
    await noted_past(settings, warehouse, start - 1)
    await results(warehouse, TENANT, start + 2, start + 9, 20, 0.2, user="runaway", model="large")

    first = await analyst_process(settings)

    async def opened() -> bool:
        return any(kind == ANOMALIES.ce_type for kind, _ in await told(settings, TENANT))

    await eventually(opened)
    first.kill()
    await first.wait()

    second = await analyst_process(settings)

    async def all_ended() -> bool:
        kinds = [kind for kind, _ in await told(settings, TENANT)]
        ended = sum(kind == ANOMALIES_ENDED.ce_type for kind in kinds)
        return ended > 0 and 2 * ended == len(kinds)

    await eventually(all_ended)
    second.terminate()
    assert await second.wait() == 0
    events = await told(settings, TENANT)
    assert len(set(ids(events))) == len(events), "each is told once"
    spend = next(event for kind, event in events if kind == ANOMALIES.ce_type and event["metric"] == "spend")
    assert spend["contributions"][0]["value"] in ("runaway", "batch", "large")
    assert "runaway" in {each["value"] for each in spend["contributions"]}
    assert spend["observed"] > spend["upper"] > spend["expected"]
    assert "user runaway" in spend["text"]

    async with running(settings):

        async def archived() -> bool:
            return await count(warehouse, "anomalies", "status = 'ended'") == len(events) // 2

        await eventually(archived)
    (row,) = await warehouse.rows("SELECT * FROM anomalies WHERE metric = 'spend'")
    assert row["id"] == spend["anomaly"]
    assert row["contributions"][0]["value"] == spend["contributions"][0]["value"]


@asynccontextmanager
async def webhook() -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Serve a webhook that is busy at first; yield its URL, and what it took."""
    taken: list[tuple[dict[str, str], bytes]] = []
    asked = 0

    async def take(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            return web.Response(status=503)
        taken.append((dict(request.headers), await request.read()))
        return web.Response()

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/hook", taken
    finally:
        await runner.cleanup()


async def test_what_is_late_or_down_is_no_silence_and_what_is_muted_is_told_to_nobody(
    settings: Settings, warehouse: Warehouse
) -> None:
    last = int(datetime.now(UTC).timestamp()) // MINUTE - 60
    await results(warehouse, TENANT, last - TAUGHT, last, 30, 0.01)
    await noted_past(settings, warehouse, last)
    clock = Clock(last + 7)
    async with webhook() as (url, taken):
        analytics = settings.analytics.model_copy(update={"webhooks": SecretStr(url), "webhook_secret": SECRET})
        async with judging(settings.model_copy(update={"analytics": analytics}), clock) as analyst:
            # Six minutes are on the log as ever, and no sink has written them.
            events = [
                msgspec.structs.replace(
                    result(number, tenant=TENANT),
                    id=f"late-{number}",
                    cost_usd="0.01",
                    completed_at=datetime.fromtimestamp((last + 1) * MINUTE + 2 * number, UTC),
                )
                for number in range(6 * 30)
            ]
            await publish(
                settings,
                RESULTS,
                [cloud_event(RESULTS, e.id, e.tenant, e.completed_at, msgspec.json.encode(e)) for e in events],
            )

            async def judged() -> bool:
                return analyst.judged == clock.minute - 1

            assert not await judged()
            async with running(settings):
                await eventually(judged)
                assert await silences(settings) == []

                # Then nobody has a result, and no worker says that it is there: the system is down.
                clock.minute += 6
                await eventually(judged)
                assert await silences(settings) == []
                up = {event["id"]: event["up"] for event in await closed(settings)}
                assert [up[minute_id(last + n)] for n in range(6, 13)] == [True] + 6 * [False]

                # Then others have results, and the tenant has none.
                await results(warehouse, "beta", last + 13, last + 18, 5, 0.01)
                clock.minute += 6
                await eventually(judged)
                opened = await silences(settings)
                assert [event["anomaly"] for event in opened] == [f"{TENANT}/requests/{minute_id(last + 13)}"]
                assert opened[0]["title"] == f"Requests of {TENANT}: none, where 30 requests a minute are expected"
                assert "contributions" not in opened[0]

                await mute(settings, TENANT, Metric.REQUESTS, None, datetime.now(UTC) + timedelta(days=1), "known")
                await results(warehouse, TENANT, last + 19, last + 32, 30, 0.01)
                clock.minute = last + 33
                await eventually(judged)
                (ended,) = [
                    event
                    for kind, event in await told(settings, TENANT)
                    if kind == ANOMALIES_ENDED.ce_type and event["metric"] == "requests"
                ]
                assert ended["muted"]
                await eventually(lambda: all_handled(settings))
    requests = [orjson.loads(body) for _, body in taken if b'"requests"' in body]
    assert [each["type"] for each in requests] == ["anomaly.opened"]
    assert requests[0]["subject"] == opened[0]["title"]
    headers, body = taken[0]
    stamp, _, signed = headers["Asahi-Signature"].partition(",v1=")
    seconds = stamp.removeprefix("t=")
    expected = hmac.new(b"secret", f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert signed == expected
    assert headers["Idempotency-Key"] == orjson.loads(body)["event"]["id"]


SECRET = SecretStr("secret")


def minute_id(minute: int) -> str:
    return f"{datetime.fromtimestamp(minute * MINUTE, UTC):%Y-%m-%dT%H:%MZ}"


async def silences(settings: Settings) -> list[dict[str, Any]]:
    return [
        event
        for kind, event in await told(settings, TENANT)
        if kind == ANOMALIES.ce_type and event["metric"] == "requests"
    ]


async def closed(settings: Settings) -> list[dict[str, Any]]:
    return [
        orjson.loads(record.value or b"")
        async for records in read_tail(settings.kafka, {(MINUTES.name, 0): 0})
        for record in records
    ]


async def all_handled(settings: Settings) -> bool:
    """Whether the analyst has told, or passed over, every event there is."""
    partition = home_partition(TENANT, settings.kafka.partitions)
    place = TopicPartition(ANOMALIES.name, partition)
    async with admin(settings) as client:
        offsets = await client.list_consumer_group_offsets(settings.kafka.group + GROUP_SUFFIX, partitions=[place])
    ends = [
        record.offset
        async for records in read_tail(settings.kafka, {(ANOMALIES.name, partition): 0})
        for record in records
    ]
    return bool(offsets[place].offset == max(ends) + 1)
