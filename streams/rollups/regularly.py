"""Rolling up when the time has come: one sink of all does it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from schemas.errors import AsahiError
from schemas.settings import Settings
from streams.regularly import regularly
from streams.rollups.rolling import roll_up
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

REST = 10
"""After a pass nothing is done for so many times as long: rolling up never takes more than a tenth of the time."""
PASS_SECONDS = 3_600.0
"""Longest time one statement may take."""
MAX_ERROR_CHARS = 300


async def roll_up_regularly(settings: Settings, responsible: Callable[[], bool], stop: asyncio.Event) -> None:
    """Sum anew what was touched, again and again, until told to stop.

    Nothing that goes wrong ends it: what is left is summed by the next pass, and by the views until then.

    Args:
        settings: How often, and where ClickHouse is.
        responsible: Whether this process is the one, now.
        stop: Ends it.
    """
    patient = settings.clickhouse.model_copy(update={"timeout_seconds": PASS_SECONDS})
    seconds = settings.clickhouse.rollup_seconds
    async with Warehouse(patient) as warehouse:
        await regularly(lambda: _pass(warehouse), seconds, responsible, stop, rest=REST, first_after=seconds)


async def _pass(warehouse: Warehouse) -> None:
    try:
        rolled = await roll_up(warehouse)
    except AsahiError as failed:
        logger.warning("rolling up failed; trying again", extra={"error": str(failed)[:MAX_ERROR_CHARS]})
        return
    logger.debug("rolled up", extra={"minutes": rolled.minutes, "hours": rolled.hours, "days": rolled.days})
