from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from schemas.errors import ConfigurationError, EmbeddedServiceError
from schemas.settings import EmbeddedSettings
from streams.embedded.broker import cluster_id_of
from streams.embedded.identity import ProcessIdentity
from streams.embedded.stack import EmbeddedStack
from streams.embedded.state import find_stack
from tests.kafka.polling import until

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> EmbeddedSettings:
    return EmbeddedSettings(data_dir=tmp_path / "data", broker_port=0, clickhouse_port=0)


@pytest.fixture
async def stack(settings: EmbeddedSettings) -> AsyncIterator[EmbeddedStack]:
    async with EmbeddedStack(settings) as running:
        yield running


def _query(url: str, statement: str) -> str:
    answer = httpx.post(url, content=statement, trust_env=False, timeout=15)
    assert answer.is_success, answer.text
    return answer.text.strip()


async def test_a_running_stack_is_healthy_and_others_find_it(
    stack: EmbeddedStack, settings: EmbeddedSettings
) -> None:
    assert {(each.service, each.ok) for each in await stack.health()} == {("broker", True), ("clickhouse", True)}
    state = find_stack(settings.data_dir)
    assert state is not None
    assert state.owner == ProcessIdentity.of_this_process()
    assert await cluster_id_of(state.bootstrap) == state.cluster_id
    assert _query(state.clickhouse_url, "SELECT 1") == "1"
    assert {state.broker_pid, state.clickhouse_pid} == {stack.broker.process.pid, stack.warehouse.process.pid}


async def test_a_stopped_stack_leaves_its_data_and_nothing_else(settings: EmbeddedSettings) -> None:
    async with EmbeddedStack(settings) as stack:
        _query(stack.warehouse.url, "CREATE TABLE kept (n UInt8) ENGINE = MergeTree ORDER BY n")
        _query(stack.warehouse.url, "INSERT INTO kept VALUES (7)")
        processes = [stack.broker.process, stack.warehouse.process]
    assert not any(process.alive for process in processes)
    assert stack.warehouse.process.exit_code == 0
    assert find_stack(settings.data_dir) is None
    assert not list(settings.data_dir.glob("*.pid"))
    assert not (settings.data_dir / "stack.json").exists()
    async with EmbeddedStack(settings) as again:
        assert _query(again.warehouse.url, "SELECT n FROM kept") == "7"
    await again.stop()


async def test_a_dead_clickhouse_comes_back_with_its_data_and_its_url(
    stack: EmbeddedStack, settings: EmbeddedSettings
) -> None:
    url, pid = stack.warehouse.url, stack.warehouse.process.pid
    assert pid is not None
    _query(url, "CREATE TABLE kept (n UInt8) ENGINE = MergeTree ORDER BY n")
    _query(url, "INSERT INTO kept VALUES (7)")
    os.kill(pid, signal.SIGKILL)
    await until(lambda: stack.clickhouse_restarts == 1)
    assert stack.warehouse.url == url
    assert _query(url, "SELECT n FROM kept") == "7"
    state = find_stack(settings.data_dir)
    assert state is not None
    assert state.clickhouse_pid == stack.warehouse.process.pid != pid
    assert all(each.ok for each in await stack.health())


async def test_a_clickhouse_that_cannot_come_back_is_tried_again(
    stack: EmbeddedStack, settings: EmbeddedSettings, caplog: pytest.LogCaptureFixture
) -> None:
    pid = stack.warehouse.process.pid
    assert pid is not None
    this = ProcessIdentity.of_this_process().model_dump()
    obstacle = settings.data_dir / "clickhouse.pid"  # says that somebody else runs one on this folder
    obstacle.write_text(json.dumps({"child": this, "parent": this}))
    os.kill(pid, signal.SIGKILL)
    await until(lambda: "ClickHouse did not come back" in caplog.text)
    assert not (await stack.health())[1].ok
    obstacle.unlink()
    await until(lambda: stack.clickhouse_restarts == 1)
    assert all(each.ok for each in await stack.health())


async def test_a_dead_broker_stays_dead_and_health_says_why(stack: EmbeddedStack) -> None:
    pid, clickhouse_pid = stack.broker.process.pid, stack.warehouse.process.pid
    assert pid is not None
    assert clickhouse_pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not stack.broker.process.alive)
    broker, clickhouse = await stack.health()
    assert not broker.ok
    assert "log died with it" in broker.detail
    assert "SIGKILL" in broker.detail
    assert clickhouse.ok
    # ClickHouse is watched on; by the time it is back, the broker would be too, if anybody restarted it.
    os.kill(clickhouse_pid, signal.SIGKILL)
    await until(lambda: stack.clickhouse_restarts == 1)
    assert stack.broker.process.pid == pid
    assert not stack.broker.process.alive


async def test_a_hanging_clickhouse_is_unhealthy(stack: EmbeddedStack) -> None:
    pid = stack.warehouse.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        clickhouse = (await stack.health())[1]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert not clickhouse.ok
    assert "does not answer" in clickhouse.detail
    assert all(each.ok for each in await stack.health())


async def test_a_stack_nobody_watches_is_unhealthy(stack: EmbeddedStack) -> None:
    [watch] = [task for task in asyncio.all_tasks() if task.get_name() == "embedded-stack-watch"]
    watch.cancel()
    await asyncio.wait([watch])
    assert [each.service for each in await stack.health() if not each.ok] == ["watch"]


async def test_a_second_stack_on_the_folder_is_refused_and_the_first_lives_on(
    stack: EmbeddedStack, settings: EmbeddedSettings
) -> None:
    with pytest.raises(ConfigurationError, match="another stack"):
        await EmbeddedStack(settings).start()
    with pytest.raises(EmbeddedServiceError, match="runs already"):
        await stack.start()
    assert find_stack(settings.data_dir) is not None
    assert all(each.ok for each in await stack.health())


async def test_a_taken_port_undoes_the_start(stack: EmbeddedStack, tmp_path: Path) -> None:
    taken = int(stack.warehouse.url.rpartition(":")[2])
    other = EmbeddedStack(EmbeddedSettings(data_dir=tmp_path / "other", broker_port=0, clickhouse_port=taken))
    with pytest.raises(ConfigurationError, match=rf"port {taken} .* embedded\.clickhouse_port"):
        await other.start()
    assert not other.broker.process.alive
    assert find_stack(tmp_path / "other") is None
    free = EmbeddedSettings(data_dir=tmp_path / "other", broker_port=0, clickhouse_port=0)
    async with EmbeddedStack(free):  # the lock was given back
        pass


CRASHING = """
import asyncio, pathlib, sys
from schemas.settings import EmbeddedSettings
from streams.embedded.stack import EmbeddedStack

async def main():
    settings = EmbeddedSettings(data_dir=pathlib.Path(sys.argv[1]), broker_port=0, clickhouse_port=0)
    async with EmbeddedStack(settings):
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_crashed_stack_takes_its_children_along_and_does_not_block_the_next(
    settings: EmbeddedSettings,
) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    crashing = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CRASHING, str(settings.data_dir), stdout=subprocess.PIPE, env=environment
    )
    assert crashing.stdout is not None
    assert await crashing.stdout.readline() == b"up\n"
    crashed = find_stack(settings.data_dir)
    assert crashed is not None
    children = [ProcessIdentity.of(pid) for pid in (crashed.broker_pid, crashed.clickhouse_pid)]
    assert all(children)
    crashing.kill()
    await crashing.wait()
    assert find_stack(settings.data_dir) is None
    assert (settings.data_dir / "stack.json").exists(), "the crash left it behind: it is stale, not missing"
    await until(lambda: not any(child is not None and child.alive() for child in children))
    async with EmbeddedStack(settings) as stack:
        assert all(each.ok for each in await stack.health())
