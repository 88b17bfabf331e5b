"""The embedded ClickHouse: a child process that owns the data folder and speaks ClickHouse's HTTP interface."""

from __future__ import annotations

import asyncio
import http.client
import os
import sys
from pathlib import Path

from schemas.errors import EmbeddedServiceError, WarehouseUnavailable
from streams.embedded.ports import LOOPBACK, claim_port
from streams.embedded.process import ChildProcess, end_orphan

_PROBE_SECONDS = 3.0
_SOURCES = Path(__file__).resolve().parents[2]


class EmbeddedWarehouse:
    """ClickHouse's engine on the loopback interface; its data stays when it ends.

    Args:
        data_dir: For its log file, its pid file and, in `clickhouse/`, its data.
        port: 0 picks a free one, which later starts of this object keep.
        start_timeout: Seconds until it must answer.
        stop_timeout: Seconds it may take to finish what it writes.
    """

    def __init__(
        self, data_dir: Path, port: int = 8123, *, start_timeout: float = 30.0, stop_timeout: float = 15.0
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._port = port
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._process: ChildProcess | None = None

    @property
    def url(self) -> str:
        """Base URL of the HTTP interface."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def process(self) -> ChildProcess:
        """The child process; EmbeddedServiceError when it was never started."""
        if self._process is None:
            raise EmbeddedServiceError("the embedded ClickHouse is not started")
        return self._process

    async def start(self) -> None:
        """Start on the data folder and wait until it answers; also after it died, on the same port.

        Raises:
            ConfigurationError: The port is taken.
            EmbeddedServiceError: It did not come up; or it runs already.
        """
        if self._process is not None and self._process.alive:
            raise EmbeddedServiceError("the embedded ClickHouse runs already")
        end_orphan("clickhouse", self._data_dir)  # one left by a crash would still hold the port
        self._port = claim_port(self._port, "embedded.clickhouse_port")
        self._process = ChildProcess(
            "clickhouse",
            [
                *(sys.executable, "-m", "streams.embedded.clickhouse"),
                *("--host", LOOPBACK, "--port", str(self._port), "--path", str(self._data_dir / "clickhouse")),
            ],
            data_dir=self._data_dir,
            ready=self._answers,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(filter(None, [str(_SOURCES), os.environ.get("PYTHONPATH")])),
                "TZ": "UTC",  # days and weeks of queries are UTC's, wherever this machine stands
            },
            start_timeout=self._start_timeout,
            stop_timeout=self._stop_timeout,
        )
        await self._process.start()

    async def stop(self) -> None:
        """End it once what it writes is finished."""
        if self._process is not None:
            await self._process.stop()

    async def check(self) -> None:
        """Raise unless it answers.

        Raises:
            EmbeddedServiceError: The process ended.
            WarehouseUnavailable: The process runs but does not answer.
        """
        self.process.check()
        if not await self._answers():
            raise WarehouseUnavailable(f"ClickHouse does not answer at {self.url}")

    async def _answers(self) -> bool:
        return await asyncio.to_thread(_ping, self._port)


def _ping(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/ping")
        answer = connection.getresponse()
        return answer.status == http.client.OK and answer.read(16) == b"Ok.\n"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
