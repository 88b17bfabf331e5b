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

from streams.admin import admin
from streams.cli.environment import SOURCES, environment_of
from streams.cli.invocation import Invocation
from tests.integration.cli.commands import STOP_SECONDS, Asahi, Up


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
    stages = asahi("status", "--json").json["stages"]
    assert {stage["members"] for stage in stages if stage["stage"] == "intake"} == {2}

    # The broker dies, and with it the log: that ends everything, with a line that says so.
    psutil.Process(orjson.loads((data_dir / "stack.json").read_bytes())["broker_pid"]).kill()
    assert up.wait() == 1
    assert "run `asahi up` again, the archive restores what was under way" in up.said()
    assert "Traceback" not in up.said()
    assert children_in(data_dir) == []


@pytest.mark.parametrize("arguments", [[], ["--only", "pipeline"], ["--only", "sink"]])
def test_a_worker_runs_until_it_is_told_to_stop(tmp_path: Path, arguments: list[str]) -> None:
    """Against brokers of somebody else: nothing but their addresses is given."""
    from streams.cli.local_stack import local_stack
    from streams.cli.simulated import simulated_only

    async def work() -> int:
        settings = simulated_only(Invocation(), tmp_path / "data")
        async with local_stack(settings, 1, lambda _: None) as stack:
            environment = environment_of(
                stack.settings.model_copy(
                    update={"kafka": stack.settings.kafka.model_copy(update={"group": "another"})}
                )
            )
            command = [sys.executable, "-m", "streams.cli", "worker", *arguments]
            process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=tmp_path)
            groups = (
                {"another", "another-sink"}
                if not arguments
                else {"another" if "pipeline" in arguments else "another-sink"}
            )
            async with admin(stack.settings) as client, asyncio.timeout(STOP_SECONDS):
                while True:
                    described = [(await client.describe_consumer_groups([group]))[0].groups[0] for group in groups]
                    if all(len(group[5]) == 1 and group[2] == "Stable" for group in described):
                        break
                    await asyncio.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            return await process.wait()

    # Both together are supervised by a process that a signal ends; one alone stops by itself.
    assert asyncio.run(work()) == (128 + signal.SIGTERM if not arguments else 0)


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
        assert (process.returncode, process.stderr) == (141, b"")
