"""Apache Kafka in KRaft mode: one JVM that is broker and controller."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from pathlib import Path
from uuid import uuid4

from schemas.errors import BrokerUnavailable
from streams.embedded.broker import cluster_id_of
from streams.embedded.ports import LOOPBACK, accepts_connections, free_ports
from streams.embedded.process import ChildProcess
from tests.kafka.jars import KafkaUnavailable, ensure_jars, java

# The broker's session with its controller is short: until that of a killed one ends, it cannot come back.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
message.max.bytes=12582912
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""
# Quick to start rather than quick to run: tests send little.
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
_FORMAT_SECONDS = 60


class ApacheKafka:
    """A real broker whose log survives: stop or kill it and start it again on the same folder and port.

    Args:
        data_dir: For the log, the configuration and the output; created when missing.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
        self._logs = self._data_dir / "kafka-logs"
        self._port, self._controller_port = free_ports(2)
        self._process: ChildProcess | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def process(self) -> ChildProcess:
        """The JVM."""
        assert self._process is not None, "Kafka was never started"
        return self._process

    async def start(self) -> None:
        """Start on what the log holds, or on a new log the first time; returns when it answers.

        Raises:
            KafkaUnavailable: Java or the jars are missing.
            EmbeddedServiceError: It did not come up.
        """
        home = await asyncio.to_thread(ensure_jars)
        jvm = [java(), *_JVM, "-cp", f"{home}/*"]
        properties = self._data_dir / "server.properties"
        if not self._logs.exists():
            self._data_dir.mkdir(parents=True, exist_ok=True)
            properties.write_text(
                _PROPERTIES.format(broker=self._port, controller=self._controller_port, logs=self._logs)
            )
            await asyncio.to_thread(_format, [*jvm, "kafka.tools.StorageTool", "format", "-c", str(properties)])
        self._process = ChildProcess(
            "kafka",
            [*jvm, "kafka.Kafka", str(properties)],
            data_dir=self._data_dir,
            ready=self._answers,
            start_timeout=60.0,
            stop_timeout=20.0,
        )
        await self._process.start()

    async def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            await self._process.stop()

    async def kill(self) -> None:
        """End it as `kill -9` does."""
        await self.process.stop(patience=0.0)

    async def _answers(self) -> bool:
        if not accepts_connections(self._port):
            return False
        try:
            return bool(await cluster_id_of(self.bootstrap))
        except BrokerUnavailable:
            return False


def _format(command: list[str]) -> None:
    cluster_id = base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
    done = subprocess.run(
        [*command, f"--cluster-id={cluster_id}"], capture_output=True, text=True, check=False, timeout=_FORMAT_SECONDS
    )
    if done.returncode != 0:
        raise KafkaUnavailable(f"Kafka cannot format its storage (is this Java 17?): {done.stdout}{done.stderr}")
