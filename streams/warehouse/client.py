"""The one way to ClickHouse: its own driver, with errors of our tree.

`clickhouse-connect` costs 1 ms of CPU per call and adds nothing per row to a block that is encoded already, so that
at a few blocks per second nothing leaner is worth its code.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.settings import ClickHouseSettings
from streams.warehouse.refusals import as_ours

Row = dict[str, Any]

DEFAULT_PORT = 8123
CONNECT_SECONDS = 5.0


async def _piece(block: bytes) -> AsyncIterator[bytes]:
    yield block


class Warehouse:
    """An async ClickHouse client; connects at its first statement, and again after ClickHouse was away.

    Args:
        settings: Where it is and who logs in.
        database: Stands in for the configured one.

    Every method raises `WarehouseUnavailable` when ClickHouse is away or overloaded and `WarehouseError` when it
    refuses the statement.
    """

    def __init__(self, settings: ClickHouseSettings, database: str | None = None) -> None:
        self._settings = settings
        self._database = settings.database if database is None else database
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Warehouse:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._client is not None:
            await self._client.close()

    async def command(
        self, sql: str, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> None:
        """Run a statement that answers nothing worth reading.

        Args:
            sql: With `{name:Type}` where parameters go.
            parameters: Bound by ClickHouse, not pasted into the text.
            settings: ClickHouse's, for this statement.
        """
        client = await self._connected()
        with self._translated():
            await client.command(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))

    async def rows(
        self, sql: str, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[Row]:
        """Return a query's whole, small, result."""
        client = await self._connected()
        with self._translated():
            result = await client.query(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))
            return list(result.named_results())

    async def stream(
        self, sql: str, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """Yield a query's rows block by block, as positional values; strings come as the bytes they are."""
        client = await self._connected()
        with self._translated():
            blocks = await client.query_row_block_stream(
                sql,
                parameters=dict(parameters or {}),
                settings=dict(settings or {}),
                query_formats={"String": "bytes"},
            )
            async with blocks:
                async for block in blocks:
                    yield block

    async def insert(
        self, table: str, columns: Sequence[str], block: bytes, settings: Mapping[str, object] | None = None
    ) -> None:
        """Insert one block encoded in ClickHouse's Native format."""
        client = await self._connected()
        with self._translated():
            # As a stream of one piece: of bytes the client makes small pieces, at twice the cost.
            await client.raw_insert(table, columns, _piece(block), settings=dict(settings or {}), fmt="Native")

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                url = urlsplit(self._settings.url)
                with self._translated():
                    self._client = await clickhouse_connect.get_async_client(
                        interface=url.scheme,
                        host=url.hostname or "",
                        port=url.port or DEFAULT_PORT,
                        proxy_path=url.path,
                        username=self._settings.user,
                        password=self._settings.password.get_secret_value(),
                        database=self._database,
                        connect_timeout=min(CONNECT_SECONDS, self._settings.timeout_seconds),
                        send_receive_timeout=self._settings.timeout_seconds,
                        compress=False,  # on the way to a neighbour it costs more than it saves
                        query_retries=0,  # who calls knows better how long to wait
                        autogenerate_session_id=False,  # statements may run side by side
                    )
            return self._client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            raise as_ours(error, self._settings.url) from error
