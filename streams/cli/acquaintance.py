"""Telling an organization of which there is nothing to show from one that nobody knows."""

from __future__ import annotations

from schemas.errors import ConfigurationError
from schemas.settings import ClickHouseSettings
from streams.warehouse.client import Warehouse

KNOWN = """
SELECT
    (SELECT count() FROM tenants WHERE tenant = {tenant:String}) > 0
    OR (SELECT count() FROM results_by_month WHERE tenant = {tenant:String}) > 0 AS known
"""


async def check_known(clickhouse: ClickHouseSettings, tenant: str | None) -> None:
    """Ask ClickHouse of an organization for which a command found nothing; of None or an empty name nobody is asked.

    Raises:
        ConfigurationError: It is not registered and never sent a request: most likely it is written wrongly.
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing.
    """
    if not tenant:
        return
    async with Warehouse(clickhouse) as warehouse:
        (row,) = await warehouse.rows(KNOWN, {"tenant": tenant})
    if not row["known"]:
        raise ConfigurationError(
            f"nothing is known of the organization {tenant!r}: it is not registered, and no result is about it; "
            "`asahi governance tenants list` shows who is"
        )
