from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from schemas.errors import WarehouseError, WarehouseUnavailable
from schemas.settings import ClickHouseSettings
from streams.sink.block import Block
from streams.sink.counters import Counters
from streams.sink.writer import SET_ASIDE_HEADER, Writer
from tests.unit.sink.native_reader import read_block
from tests.unit.sink.records import PLACE, record

POISON = b"poison"
VIOLATED_CONSTRAINT = 469


@dataclass
class Table:
    """Takes blocks as ClickHouse does: whole or not at all."""

    away: int = 0
    broken: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    async def insert(
        self, table: str, columns: Sequence[str], block: bytes, settings: Mapping[str, object] | None = None
    ) -> None:
        assert table == "archive_store"
        assert settings is not None
        assert settings["async_insert"] == 0
        if self.away:
            self.away -= 1
            raise WarehouseUnavailable("away")
        rows = read_block(block)
        if self.broken:
            self.broken -= 1
            raise WarehouseError("no such table", 60)
        if any(POISON in (row["value"] or b"") for row in rows):
            raise WarehouseError("refused: poison", VIOLATED_CONSTRAINT)
        self.rows += rows


@dataclass
class Aside:
    letters: list[tuple[ConsumerRecord, int | None]] = field(default_factory=list)

    async def __call__(self, record: ConsumerRecord, code: int | None) -> None:
        self.letters.append((record, code))


def writer(table: Table, aside: Aside) -> tuple[Writer, Counters]:
    counters = Counters()
    settings = ClickHouseSettings(retry_max_seconds=0.001)
    return Writer(settings, table, "log-1", aside, counters), counters


async def test_block_is_inserted_whole() -> None:
    table, aside = Table(), Aside()
    writes, counters = writer(table, aside)
    await writes.write(writes.encode(Block({PLACE: [record(offset) for offset in range(5)]})))
    assert [row["offset"] for row in table.rows] == [0, 1, 2, 3, 4]
    assert (counters.rows, counters.blocks, counters.failures, counters.waiting_since) == (5, 1, 0, None)
    assert counters.last_insert_at is not None


async def test_clickhouse_away_is_waited_for() -> None:
    table, aside = Table(away=3), Aside()
    writes, counters = writer(table, aside)
    await writes.write(writes.encode(Block({PLACE: [record(0), record(1)]})))
    assert [row["offset"] for row in table.rows] == [0, 1]
    assert (counters.blocks, counters.failures, counters.waiting_since) == (1, 3, None)


@pytest.mark.parametrize("bad", [{0}, {6}, {3}, {0, 1}, {2, 5, 6}, set(range(7))])
async def test_only_the_refused_events_are_set_aside(bad: set[int]) -> None:
    table, aside = Table(), Aside()
    writes, counters = writer(table, aside)
    events = [record(n, POISON if n in bad else b"{}", (("ce_id", b"1"),)) for n in range(7)]
    await writes.write(writes.encode(Block({PLACE: events})))
    assert [row["offset"] for row in table.rows] == list(range(7))
    assert [letter.offset for letter, _ in aside.letters] == sorted(bad)
    assert {code for _, code in aside.letters} == {VIOLATED_CONSTRAINT}
    assert counters.set_aside == len(bad)
    for row in table.rows:
        marked = row["offset"] in bad
        assert row["headers"] == ({SET_ASIDE_HEADER.encode(): b"469"} if marked else {})
        assert row["value"] == (b"" if marked else b"{}")


async def test_broken_table_costs_no_event() -> None:
    table, aside = Table(broken=4), Aside()
    writes, counters = writer(table, aside)
    await writes.write(writes.encode(Block({PLACE: [record(0), record(1)]})))
    assert {row["offset"] for row in table.rows} == {0, 1}
    assert all(row["value"] == b"{}" for row in table.rows)
    assert aside.letters == []
    assert counters.failures == 1


async def test_reason_of_a_refusal_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    writes, _ = writer(Table(), Aside())
    await writes.write(writes.encode(Block({PLACE: [record(0, POISON)]})))
    assert "poison" not in caplog.text
    (said,) = [each for each in caplog.records if each.message == "event set aside"]
    assert vars(said)["offset"] == 0
