"""A pass over the rollups: whatever was touched is summed anew.

Safe to break off and to run twice, also side by side. A version is named after the notes were read and the inserts
that left them have ended, and before anything is summed: so of two passes the one with the higher version saw all
that the other saw, and a note is only done with when a version that has it counts.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.rollups import statements
from streams.rollups.statements import LEVELS, MINUTE, NOTES, Level, Source
from streams.sink.native import Column, block, string, unsigned
from streams.warehouse.client import Warehouse
from streams.warehouse.inserts import archived_since, until_ended

logger = logging.getLogger(__name__)

NOTES_AT_ONCE = 20_000
FAR = 4_102_444_800
"""A moment after all others, in Unix seconds."""
SUMMING: dict[str, object] = {
    "max_bytes_before_external_group_by": 256 * 1024 * 1024,
    "throw_on_max_partitions_per_insert_block": 0,
    "max_insert_threads": 1,
}
SECONDS_BYTES = 4

Note = tuple[int, int, int]
"""What was touched, the note's token, and when it was made; Unix seconds."""


@dataclass(slots=True)
class Rolled:
    """How many minutes, hours, days and months a pass summed."""

    minutes: int = 0
    hours: int = 0
    days: int = 0
    months: int = 0


async def roll_up(warehouse: Warehouse, *, unfinished: bool = False) -> Rolled:
    """Sum anew what was touched; return how much that was.

    Args:
        warehouse: Where the tables are.
        unfinished: Hours, days and months that are not over yet are summed too.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer; the next pass goes on.
        WarehouseError: The tables are missing.
    """
    rolled = Rolled()
    for source in Source:
        for level in LEVELS:
            count = await _level(warehouse, source, level, unfinished)
            setattr(rolled, f"{level.name}s", getattr(rolled, f"{level.name}s") + count)
    await _forget(warehouse)
    return rolled


async def pending(warehouse: Warehouse) -> int:
    """Return how many notes wait, those of hours and days that are not over included."""
    (row,) = await warehouse.rows(statements.PENDING)
    return int(row["found"])


async def touch_everything(warehouse: Warehouse) -> None:
    """Note of every minute that it is to be summed anew."""
    for source in Source:
        await warehouse.command(statements.everything(source), settings=SUMMING)


async def _level(warehouse: Warehouse, source: Source, level: Level, unfinished: bool) -> int:
    count = 0
    while notes := await _notes(warehouse, source, level, unfinished):
        if level is MINUTE:
            await until_ended(warehouse)
        by_start: dict[int, list[Note]] = defaultdict(list)
        for note in notes:
            by_start[note[0]].append(note)
        for starts in _together(sorted(by_start), level):
            await _sum(warehouse, source, level, starts)
            await _done(warehouse, source, level, [note for start in starts for note in by_start[start]])
            count += len(starts)
        if len(notes) < NOTES_AT_ONCE:
            break
    return count


async def _notes(warehouse: Warehouse, source: Source, level: Level, unfinished: bool) -> list[Note]:
    """Return notes; of hours and days only those that are over: what still grows is summed from what is below."""
    before = FAR
    if level is not MINUTE and not unfinished:
        (clock,) = await warehouse.rows(statements.CLOCK)
        before = level.floor(int(clock["seconds"]))
    rows = await warehouse.rows(
        statements.TOUCHED,
        {"source": source.value, "level": level.name, "before": before, "limit": NOTES_AT_ONCE},
    )
    return [(int(row["start"]), int(row["token"]), int(row["at"])) for row in rows]


def _together(starts: Sequence[int], level: Level) -> Iterator[list[int]]:
    """Yield what one statement sums: neighbours, few enough."""
    batch: list[int] = []
    for start in starts:
        if batch and (
            len(batch) == level.at_once or (level is MINUTE and start - batch[-1] > statements.REPEAT_SECONDS)
        ):
            yield batch
            batch = []
        batch.append(start)
    if batch:
        yield batch


async def _sum(warehouse: Warehouse, source: Source, level: Level, starts: Sequence[int]) -> None:
    if source is Source.RESULTS and level is MINUTE:
        await _name_repeats(warehouse, starts)
    (row,) = await warehouse.rows(statements.VERSION)
    version = int(row["version"])
    columns = await warehouse.rows(statements.COLUMNS, {"table": f"{source}_by_{level.name}_store"})
    await warehouse.command(statements.copied(source, level, columns, starts, version), settings=SUMMING)
    if level is not MINUTE:
        columns = await warehouse.rows(statements.COLUMNS, {"table": f"{source}_overview_store"})
        await warehouse.command(statements.overview(source, level, columns, starts, version), settings=SUMMING)
    await warehouse.command(statements.versions(source, level, starts, version))
    if level.above is not None:
        above = sorted({level.above.floor(start) for start in starts})
        await warehouse.command(statements.touched(source, level.above, above))


async def _name_repeats(warehouse: Warehouse, starts: Sequence[int]) -> None:
    """Name the copies that do not hold; other minutes that have some are to be summed anew."""
    query = statements.repeats(starts)
    found = {int(row["start"]) for row in await warehouse.rows(statements.MINUTES.format(query=query))}
    if found:
        await warehouse.command(f"INSERT INTO results_repeats {query}")
        if others := sorted(found - set(starts)):
            await warehouse.command(statements.touched(Source.RESULTS, MINUTE, others))


async def _done(warehouse: Warehouse, source: Source, level: Level, notes: Sequence[Note]) -> None:
    """Put notes down as done: they are replaced."""
    count = len(notes)
    await warehouse.insert(
        "rollup_touched",
        NOTES,
        block(
            count,
            [
                Column("source", "String", string(source.value.encode()) * count),
                Column("level", "String", string(level.name.encode()) * count),
                Column("start", "DateTime('UTC')", _seconds(start for start, _, _ in notes)),
                Column("token", "UInt64", unsigned(token for _, token, _ in notes)),
                Column("done", "UInt8", b"\x01" * count),
                Column("at", "DateTime('UTC')", _seconds(at for _, _, at in notes)),
            ],
        ),
        {"async_insert": 0, "throw_on_max_partitions_per_insert_block": 0},
    )


def _seconds(moments: Iterator[int]) -> bytes:
    return b"".join([moment.to_bytes(SECONDS_BYTES, "little") for moment in moments])


async def _forget(warehouse: Warehouse) -> None:
    """Drop notes that are done."""
    since = await archived_since(warehouse)
    for row in await warehouse.rows(statements.SETTLED, {"since": since}):
        await warehouse.command(f"ALTER TABLE rollup_touched DROP PARTITION ID '{row['id']}'")
