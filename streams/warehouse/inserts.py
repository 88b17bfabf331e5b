"""Inserts into the archive that are under way.

Which views an insert feeds, and which tables they fill, it finds out once, when it begins: by their names, one after
the other. So one that began before a view was made does not feed it, and one that began before two tables exchanged
their names may fill either of them, or the same one twice. How long it takes is up to who sends it.
"""

from __future__ import annotations

import asyncio
import logging
import time

from schemas.errors import WarehouseError
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.05
PATIENCE_SECONDS = 3_600.0
"""How long an insert may go on before it counts as stuck."""
LEEWAY_SECONDS = 60
"""How far ClickHouse's clock may have been set back while an insert was under way."""

INSERTS = "query_kind IN ('Insert', 'AsyncInsertFlush') AND match(query, '(?is)INSERT[^(]+archive_store')"
"""Of the statements that run: what names the archive before any columns. It may be that of another database."""
UNDER_WAY = f"SELECT query_id FROM system.processes WHERE {INSERTS}"  # noqa: S608 - put together from constants
OLDEST = f"""
SELECT toInt64(toUnixTimestamp(now())) - toInt64(ceil(max(elapsed))) - {LEEWAY_SECONDS} AS since
FROM system.processes WHERE {INSERTS}
"""  # noqa: S608 - put together from constants


async def archived_since(warehouse: Warehouse) -> int:
    """Return Unix seconds: whatever has not been inserted by now will have been archived at that time or later."""
    (oldest,) = await warehouse.rows(OLDEST)
    return int(oldest["since"])


async def until_ended(warehouse: Warehouse) -> None:
    """Return once the inserts that are under way have ended; those that begin meanwhile are not waited for.

    Raises:
        WarehouseError: One does not end.
        WarehouseUnavailable: ClickHouse went away.
    """
    began = time.monotonic()
    waited_for = await _under_way(warehouse)
    if waited_for:
        logger.info("waiting for inserts to end", extra={"inserts": len(waited_for)})
    while waited_for:
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise WarehouseError(
                f"an insert into archive_store does not end: stop what sends it, or KILL QUERY WHERE query_id = "
                f"'{min(waited_for)}'; then replay again"
            )
        await asyncio.sleep(POLL_SECONDS)
        waited_for &= await _under_way(warehouse)


async def _under_way(warehouse: Warehouse) -> set[str]:
    return {row["query_id"] for row in await warehouse.rows(UNDER_WAY)}
