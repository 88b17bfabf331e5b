"""Rebuilding the tables from the archive: the proof that they hold nothing which is not in the log.

Each table is built anew beside the old one by the same statement that fills it day by day. Events that arrive
meanwhile go into both, so that the new one can take the old one's name at any moment. An insert that is under way at
such a change may miss the new one. So it is waited for, and then its events are taken from the archive; an event that
comes twice by that counts once, as everywhere.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace

from schemas.settings import Settings
from streams.archive.comparison import TableReplay, compare, differing
from streams.rollups.rolling import Rolled, roll_up, touch_everything
from streams.warehouse.client import Warehouse
from streams.warehouse.inserts import archived_since, until_ended

logger = logging.getLogger(__name__)

TABLES = ("requests", "results", "usage", "audit", "dead_letters", "feedback")
STEMS = {"usage": "calls"}
"""What the names of a table's store and fold begin with, where that is not its name."""
MADE_OF_RESULTS = "endings"
"""What rollups read of results: a fold of their store, not of the archive."""
REPLAY_SECONDS = 86_400
"""Longest time one table may take."""
FILL_SETTINGS: dict[str, object] = {
    "max_insert_threads": 1,
    "max_block_size": 8_192,
    "min_insert_block_size_rows": 65_536,
    "min_insert_block_size_bytes": 64 * 1024 * 1024,  # wide rows: ClickHouse's own default fills a laptop's memory
    "throw_on_max_partitions_per_insert_block": 0,
}


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """All tables, rebuilt.

    Attributes:
        tables: One by one.
        seconds: How long it took.
        rolled: How many minutes, hours and days were summed anew; None when the tables were only compared.
    """

    tables: tuple[TableReplay, ...]
    seconds: float
    rolled: Rolled | None = None


async def replay(settings: Settings, swap: bool) -> ReplayReport:
    """Rebuild every table from the archive and compare; the pipeline may run meanwhile.

    Args:
        settings: Where ClickHouse is.
        swap: Let the rebuilt tables take the places of the old ones, which are dropped; otherwise only compare.

    Raises:
        WarehouseUnavailable: ClickHouse went away. A table is as it was, or replaced: then it may lack events of that
            moment. A new call starts afresh.
        WarehouseError: The tables are missing or not those of this release, or an insert does not end.
    """
    started = time.monotonic()
    patient = settings.clickhouse.model_copy(update={"timeout_seconds": float(REPLAY_SECONDS)})
    async with Warehouse(patient) as warehouse:
        tables = tuple([await _replay_table(warehouse, table, swap) for table in TABLES])
        rolled = await _roll_up(warehouse) if swap else None
    return ReplayReport(tables, time.monotonic() - started, rolled)


async def _roll_up(warehouse: Warehouse) -> Rolled:
    """Sum everything anew; until it is done the views sum what is left themselves."""
    await _replay_table(warehouse, MADE_OF_RESULTS, swap=True)
    await warehouse.command("TRUNCATE TABLE results_repeats")
    await touch_everything(warehouse)
    return await roll_up(warehouse)


async def _replay_table(warehouse: Warehouse, name: str, swap: bool) -> TableReplay:
    table = STEMS.get(name, name)
    await _clean_up(warehouse, table)
    fold, columns = await _fold_of(warehouse, table)
    await warehouse.command(f"CREATE TABLE {table}_replay AS {table}_store")
    try:
        # First the stream of what is new, then all that was: what comes in between comes twice and counts once.
        await warehouse.command(f"CREATE MATERIALIZED VIEW {table}_replay_fold TO {table}_replay AS {fold}")
        await until_ended(warehouse)
        await warehouse.command(f"INSERT INTO {table}_replay ({columns}) {fold}", settings=FILL_SETTINGS)
        outcome = replace(await compare(warehouse, table, columns, swap), table=name)
        if swap:
            await _to_the_end(_exchange(warehouse, table, f"INSERT INTO {table}_store ({columns}) {fold}"))
    finally:
        await _clean_up(warehouse, table)
    logger.info("table replayed", extra={"table": name, "rows": outcome.rows_after, "identical": outcome.identical})
    return outcome


async def _exchange(warehouse: Warehouse, table: str, fill: str) -> None:
    """Let the new table take the old one's place, and fill in what an insert put into the old one meanwhile."""
    since = await archived_since(warehouse)
    await warehouse.command(f"EXCHANGE TABLES {table}_replay AND {table}_store")
    await until_ended(warehouse)
    recent = {"additional_table_filters": f"{{'archive_store': 'archived_at >= toDateTime({since})'}}"}
    await warehouse.command(fill, settings=FILL_SETTINGS | recent)


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """Finish a piece of work even when Ctrl-C comes in the middle of it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _clean_up(warehouse: Warehouse, table: str) -> None:
    await warehouse.command(f"DROP TABLE IF EXISTS {table}_replay_fold SYNC")
    for name in (f"{table}_replay", differing(table)):
        await warehouse.command(f"DROP TABLE IF EXISTS {name} SYNC")


async def _fold_of(warehouse: Warehouse, table: str) -> tuple[str, str]:
    """Return the statement that folds the archive into a table, and the columns it gives."""
    named = {"view": f"{table}_fold"}
    (view,) = await warehouse.rows(
        "SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name = {view:String}", named
    )
    columns = await warehouse.rows(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {view:String} "
        "ORDER BY position",
        named,
    )
    return view["as_select"], ", ".join(f"`{column['name']}`" for column in columns)
