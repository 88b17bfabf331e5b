"""One worker as a process of its own: what it answers, how it ends, and what its successor goes on with."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from schemas.errors import ConfigurationError
from schemas.settings import KafkaSettings, Settings, WorkerSettings
from streams.admin import admin, ensure_topics
from streams.embedded.broker import EmbeddedBroker
from streams.embedded.ports import LOOPBACK, free_ports
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.tail import read_tail
from streams.topics import COMPLETIONS, DISPATCH, REQUESTS
from tests.chaos.rig import Rig, running

ENDING_SECONDS = 60
ANSWERING_SECONDS = 60
FIRST, MORE = 200, 50
UNDECODABLE = b"\xc1"


async def ended(worker: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(worker.wait, ENDING_SECONDS)


async def ends(rig: Rig) -> dict[TopicPartition, int]:
    """Return the true end of every partition a worker reads that has records."""
    found: dict[TopicPartition, int] = {}
    for topic in (REQUESTS, DISPATCH, COMPLETIONS):
        async for records in read_tail(rig.settings.kafka, rig.starts(topic.name)):
            for record in records:
                found[TopicPartition(topic.name, record.partition)] = record.offset + 1
    return found


async def committed(rig: Rig, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    async with admin(rig.settings) as client:
        offsets = await client.list_consumer_group_offsets(rig.settings.kafka.group, partitions=partitions)
    return {partition: offset.offset for partition, offset in offsets.items()}


async def one_broker_cannot_keep_three_copies(bootstrap: str) -> None:
    settings = Settings(kafka=KafkaSettings(bootstrap=bootstrap, replication=3))
    with pytest.raises(
        ConfigurationError, match=r"topic asahi\.requests: InvalidReplicationFactorError .* kafka\.\*"
    ):
        await ensure_topics(settings)


async def test_a_worker_answers_ends_in_order_and_leaves_nothing_to_its_successor(
    tmp_path: Path, own_broker: str, broker_kind: str
) -> None:
    if broker_kind == "apache":
        await one_broker_cannot_keep_three_copies(own_broker)
    async with running(tmp_path, own_broker, broker_kind, workers=1, latency_seconds=0.01) as rig:
        await rig.send((f"first-{number}" for number in range(FIRST)), bulk=7)
        await rig.wait_for_results(FIRST, ANSWERING_SECONDS)
        rig.workers[0].send_signal(signal.SIGTERM)
        assert await ended(rig.workers[0]) == 0
        everything = await ends(rig)
        assert await committed(rig, list(everything)) == everything, "all of it is settled, without a gap"

        await rig.send(["first-0", *(f"more-{number}" for number in range(MORE))], bulk=7)
        rig.start_worker()
        answers = await rig.wait_for_results(FIRST + MORE, ANSWERING_SECONDS)
        assert {status for outcomes in answers.results.values() for _, status in outcomes} == {"completed"}
        assert all(len(outcomes) == 1 for outcomes in answers.results.values())
        assert set(rig.calls_by_request().values()) == {1}, "nothing is asked twice"

        async with Outbox(rig.settings.kafka) as outbox:
            await outbox.publish(DISPATCH.name, 0, [Publication(UNDECODABLE)])
        assert await ended(rig.workers[1]) == 1, "its state can no longer be trusted"
        assert "a stage cannot go on" in rig.logs()


async def test_worker_and_sink_end_although_the_broker_is_gone(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "broker", port=0)
    await broker.start()
    promptly = WorkerSettings(drain_seconds=0.5, stop_seconds=2)
    async with running(
        tmp_path, broker.bootstrap, "embedded", workers=1, latency_seconds=0.01, worker=promptly
    ) as rig:
        await rig.send((f"first-{number}" for number in range(FIRST)), bulk=7)
        await rig.wait_for_results(FIRST, ANSWERING_SECONDS)
        await broker.stop()
        for process in (rig.workers[0], rig.sink):
            process.send_signal(signal.SIGTERM)
            assert await ended(process) in (0, 1)
        assert "stopped without finishing" in rig.logs()


async def worker_with(**variables: str) -> tuple[int | None, str]:
    """Run a worker that cannot start; return its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agents.worker",
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), ENDING_SECONDS)
    return process.returncode, said.decode()


async def test_a_wrong_setting_is_one_clear_line() -> None:
    code, said = await worker_with(ASAHI_KAFKA_PARTITIONS="none")
    assert code == 1
    assert said.startswith("asahi worker: ")
    assert "kafka.partitions" in said
    assert len(said.splitlines()) == 1


async def test_a_broker_that_is_away_is_one_clear_line() -> None:
    (port,) = free_ports(1)
    code, said = await worker_with(ASAHI_KAFKA_BOOTSTRAP=f"{LOOPBACK}:{port}")
    assert code == 1
    assert said.splitlines()[-1] == f"asahi worker: no broker answers at {LOOPBACK}:{port}; set kafka.bootstrap"
    assert "Traceback" not in said
