"""The organizations of a partition, judged by one analyst after another, on a log in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.analytics.anomalies.figures import Figures
from agents.analytics.anomalies.teaching import taught
from agents.analytics.anomalies.watch import Least, Watch
from agents.analytics.live.holding import Holding
from agents.analytics.live.journal import Journal
from agents.analytics.live.notes import read_notes
from schemas.analytics_settings import AnalyticsSettings
from schemas.errors import WarehouseError
from schemas.settings import ClickHouseSettings
from streams.envelope import Publication
from streams.topics import ANOMALIES, WATCH
from streams.warehouse.client import Row, Warehouse
from tests.memory.broker import MemoryBroker
from tests.memory.log import MemoryLog

TENANT, PARTITION = "acme", 2
TAUGHT = 200
LEAST = Least.configured(AnalyticsSettings())
START = TAUGHT + 10
UP = frozenset(range(TAUGHT + 60))
NOW = 1_700_000_000.0


class Answering(Warehouse):
    """Says the same to everything."""

    def __init__(self, answer: list[Row] | WarehouseError) -> None:
        super().__init__(ClickHouseSettings())
        self._answer = answer

    async def rows(
        self, sql: str, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[Row]:
        if isinstance(self._answer, WarehouseError):
            raise self._answer
        return self._answer


def figures(minute: int) -> Figures:
    """Usual minutes, but for an incident of some."""
    times = 20 if START <= minute < START + 8 else 1
    return Figures(requests=40 + minute % 3, usd=times * (0.4 + minute % 5 / 100), tokens=4_000 + minute % 7)


EVERY = {TENANT: {minute: figures(minute) for minute in UP}}


async def begun(broker: MemoryBroker, answer: list[Row] | WarehouseError | None = None) -> Holding:
    """Take over the partition, as an analyst does."""
    log = MemoryLog(broker)
    journal = Journal()
    for record in broker.topic(ANOMALIES.name):
        journal.take(record)
    watches = await read_notes(log, PARTITION, LEAST)
    return Holding(PARTITION, watches, journal, log, Answering([] if answer is None else answer), lambda: NOW)


def past() -> Watch:
    return taught({minute: figures(minute) for minute in range(TAUGHT)}, TAUGHT - 1, (), LEAST)


def told(broker: MemoryBroker) -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in broker.topic(ANOMALIES.name)]


async def judge(holding: Holding, first: int, last: int) -> None:
    await holding.judge(first, last, EVERY, UP.__contains__)


async def test_an_incident_is_told_when_it_opens_and_when_it_ends() -> None:
    broker = MemoryBroker(lambda: NOW)
    holding = await begun(broker)
    await holding.adopt(TENANT, past())
    await judge(holding, TAUGHT, START + 40)
    opened, ended = told(broker)
    assert opened["id"] == f"{opened['anomaly']}/opened"
    assert ended["id"] == f"{opened['anomaly']}/ended"
    assert holding.behind() == START + 41


@settings(max_examples=12)
@given(st.lists(st.integers(TAUGHT, START + 35), max_size=3), st.integers(0, 3))
async def test_however_often_it_is_taken_over_everything_is_told_once(stops: list[int], noted: int) -> None:
    """A predecessor has judged up to some minute, and may have noted it or an earlier one, or nothing since."""
    broker = MemoryBroker(lambda: NOW)
    holding = await begun(broker)
    await holding.adopt(TENANT, past())
    for number, stop in enumerate(sorted(stops)):
        await judge(holding, holding.behind() or 0, stop)
        if number < noted:
            await holding.note([TENANT])
        holding = await begun(broker)
    await judge(holding, holding.behind() or 0, START + 40)
    assert [event["id"].rpartition("/")[2] for event in told(broker)] == ["opened", "ended"]


async def test_who_learns_anew_ends_what_is_over_and_keeps_what_goes_on() -> None:
    broker = MemoryBroker(lambda: NOW)
    first = await begun(broker)
    await first.adopt(TENANT, past())
    await judge(first, TAUGHT, START + 4)
    assert len(told(broker)) == 1

    going_on = await begun(broker)
    anew = taught({minute: figures(minute) for minute in range(START + 5)}, START + 4, (), LEAST)
    await going_on.adopt(TENANT, anew)
    assert len(told(broker)) == 1

    over = await begun(broker)
    quiet = taught({minute: figures(minute) for minute in range(TAUGHT)}, TAUGHT, (), LEAST)
    await over.adopt(TENANT, quiet)
    opened, ended = told(broker)
    assert ended["anomaly"] == opened["anomaly"]


async def test_what_clickhouse_refuses_to_say_is_not_said() -> None:
    broker = MemoryBroker(lambda: NOW)
    holding = await begun(broker, WarehouseError("no", 241))
    await holding.adopt(TENANT, past())
    await judge(holding, TAUGHT, START + 4)
    (opened,) = told(broker)
    assert "Nothing stands out" in opened["text"]


async def test_notes_are_written_once_per_span_and_only_of_what_is_new() -> None:
    broker = MemoryBroker(lambda: NOW)
    holding = await begun(broker)
    await holding.adopt(TENANT, past())
    await holding.note([TENANT])
    assert len(broker.topic(WATCH.name)) == 1
    for minute in range(TAUGHT, TAUGHT + 40):
        await judge(holding, minute, minute)
        await holding.note_due(600.0)
    assert 4 <= len(broker.topic(WATCH.name)) <= 6


async def test_who_asks_for_nothing_any_more_is_forgotten() -> None:
    broker = MemoryBroker(lambda: NOW)
    holding = await begun(broker)
    await holding.adopt(TENANT, past())
    await holding.judge(TAUGHT, TAUGHT + 29, {}, UP.__contains__)
    await holding.forget(31)
    assert holding.behind() is not None
    await holding.forget(30)
    assert holding.behind() is None
    assert (await begun(broker)).watches == {}


@pytest.mark.parametrize("value", [b"not a note", b"\x81\xa6tenant\x01"])
async def test_a_note_that_cannot_be_read_is_passed_over(value: bytes) -> None:
    broker = MemoryBroker(lambda: NOW)
    broker.append(WATCH.name, PARTITION, [Publication(value, b"acme")])
    assert (await begun(broker)).watches == {}
