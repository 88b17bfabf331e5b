"""Stacks that commands start and stop themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.admin import admin, ensure_topics
from streams.cli.environment import SOURCES, environment_of
from streams.cli.invocation import Invocation, attach
from streams.cli.simulated import simulated_only
from streams.embedded.stack import EmbeddedStack
from streams.embedded.state import StackState
from streams.health import STABLE
from streams.warehouse.migrations import migrate
from tests.integration.cli.commands import STOP_SECONDS, Asahi, Up, answered, eventually

REMEMBERED, EVICTED = {"prompt": "Which river flows through Basel?"}, {"prompt": "Which sea is it next to?"}


def children_in(data_dir: Path) -> list[psutil.Process]:
    """Processes that were started with this folder as their own."""
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(data_dir)]


def test_the_demo_s_numbers_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asahi = Asahi(tmp_path / "data", capsys)
    said = asahi("demo", "--requests", "400")
    assert said.code == 0, said.err
    assert "400 requests answered in" in said.out
    assert "results file, results table and paid calls agree to the last digit" in said.out
    results = tmp_path / "data" / "demo" / "results.jsonl"
    assert str(results) in said.out
    assert len(results.read_bytes().splitlines()) == 400
    assert children_in(tmp_path / "data" / "demo") == []


def test_a_question_may_bring_its_own_stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = Asahi(tmp_path / "data", capsys)("infer", "--mock", "--prompt", "Good morning", "--json")
    assert said.code == 0, said.err
    assert (said.json["status"], said.json["provider"]) == ("completed", "simulated")
    assert not (tmp_path / "data").exists()


def test_what_was_unfinished_when_it_stopped_is_done_when_it_starts_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = tmp_path / "data"
    asahi = Asahi(data_dir, capsys)
    up = Up(data_dir)
    up.wait_for("Ctrl-C stops it")
    first = answered(asahi, tmp_path, {"id": "kept", **REMEMBERED}, {"id": "gone", **EVICTED})
    assert {result["status"] for result in first.values()} == {"completed"}
    evict = ("cache", "evict", "gone", "--tenant", "demo", "--reason", "a test")
    eventually(lambda: asahi(*evict).code == 0)  # once its result is in ClickHouse
    # The worker stops for a while: what is asked meanwhile is archived, but not answered.
    worker = psutil.Process(orjson.loads((data_dir / "worker-1.pid").read_bytes())["child"]["pid"])
    worker.suspend()
    unanswered = asahi("infer", "--prompt", "Anybody there?", "--timeout", "2")
    assert unanswered.code == 1
    assert "no result within 2 s; `asahi status`" in unanswered.err
    worker.kill()
    assert up.stop(signal.SIGINT) == 0, up.said()
    assert children_in(data_dir) == []

    up = Up(data_dir, "--workers", "2")
    up.wait_for("Ctrl-C stops it")
    assert "restored     1 messages with unfinished requests" in up.said()
    # The broker's log is a new one, and what the cache was a fold of is gone with the old one.
    only = {"cache": {"directive": "only"}}
    numbers = iter(range(1000))

    def remembered() -> bool:
        [result] = answered(asahi, tmp_path, {"id": f"again-{next(numbers)}", **REMEMBERED, **only}).values()
        return result["status"] == "cached" and bool(result["cache"]["source_request_id"] == "kept")

    eventually(remembered)
    assert answered(asahi, tmp_path, {"id": "anew", **EVICTED, **only})["anew"]["status"] == "rejected"
    stages = asahi("status", "--json").json["stages"]
    assert {stage["members"] for stage in stages if stage["stage"] == "intake"} == {2}

    # The broker dies, and with it the log: that ends everything, with a line that says so.
    psutil.Process(orjson.loads((data_dir / "stack.json").read_bytes())["broker_pid"]).kill()
    assert up.wait() == 1
    assert "run `asahi up` again, the archive restores what was under way" in up.said()
    assert "Traceback" not in up.said()
    assert children_in(data_dir) == []


@pytest.mark.parametrize(
    ("arguments", "groups"),
    [([], ["asahi", "asahi-sink"]), (["--only", "pipeline"], ["asahi"]), (["--only", "sink"], ["asahi-sink"])],
)
async def test_a_worker_runs_until_it_is_told_to_stop(
    tmp_path: Path, arguments: list[str], groups: list[str]
) -> None:
    """Against a broker and a ClickHouse of somebody else: nothing but their addresses is given."""
    invocation = Invocation()
    own = simulated_only(invocation, tmp_path / "data")
    async with EmbeddedStack(own.embedded) as services:
        state = StackState.model_validate_json((tmp_path / "data" / "stack.json").read_bytes())
        settings = attach(own, state, forced=True)
        await ensure_topics(settings)
        await migrate(settings)
        command = [sys.executable, "-m", "streams.cli", "worker", *arguments]
        process = await asyncio.create_subprocess_exec(*command, env=environment_of(settings), cwd=tmp_path)
        async with admin(settings) as client, asyncio.timeout(STOP_SECONDS):
            for group in groups:
                await joined(client, group)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert (await services.health())[0].ok


async def joined(client: AIOKafkaAdminClient, group: str) -> None:
    """Wait until somebody works in this group."""
    while True:
        (described,) = await client.describe_consumer_groups([group])
        _, _, state, _, _, members, *_ = described.groups[0]
        if state == STABLE and members:
            return
        await asyncio.sleep(0.1)


def test_a_reader_that_had_enough_is_no_error(tmp_path: Path) -> None:
    for arguments in (["topics"], ["topics", "--json"]):
        read, write = os.pipe()
        os.close(read)
        process = subprocess.run(
            [sys.executable, "-m", "streams.cli", *arguments],
            env=os.environ | {"PYTHONPATH": str(SOURCES)},
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
            cwd=tmp_path,
        )
        os.close(write)
        assert (process.returncode, process.stderr) == (1, b"")
