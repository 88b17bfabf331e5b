from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.errors import BrokerUnavailable, ConfigurationError
from schemas.request import Request
from schemas.settings import KafkaSettings, Settings
from streams.admin import admin, ensure_topics
from streams.cli.environment import environment_of
from streams.embedded.broker import EmbeddedBroker
from streams.embedded.ports import free_ports
from streams.submission.job import Job
from streams.submission.single import ask
from streams.submission.submission import Summary, submit
from streams.submission.tally import Progress
from tests.integration.submission.answering import AnsweringPipeline, answer_to, until

LINES = 20_000
KILLS = 4
TENANTS = ("demo", "acme", "globex")


def write_workload(path: Path, lines: int) -> None:
    """Requests of three tenants, some without id or tenant, a few wrong, some blank lines."""
    mark = path.parent.name  # another test on the same broker has other ids
    with path.open("wb") as file:
        for number in range(1, lines + 1):
            document: dict[str, Any] = {"prompt": f"{mark} question {number}", "tenant": TENANTS[number % 3]}
            if number % 2:
                document["id"] = f"{mark}-{number}"
            if number % 500 == 0:
                document["sampling"] = {"temperature": "hot"}
            if number % 5 == 0:
                del document["tenant"]
            file.write(orjson.dumps(document) + b"\n" + (b"\n" if number % 100 == 0 else b""))


def asked(pipeline: AnsweringPipeline, job: Job) -> int:
    """How many of the job's requests have come; what earlier tests sent says nothing of where this one stands."""
    return sum(prompt.startswith(f"{job.input.parent.name} ") for prompt in pipeline.seen)


def expected_rows(path: Path, submission: str) -> Iterator[tuple[str, bytes | None]]:
    """Yield id and result of every row; None where the line is wrong."""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line:
            request = {"id": f"{submission}:{number}", "tenant": "demo"} | orjson.loads(line)
            yield request["id"], None if "sampling" in request else answer_to(request)


def check_output(job: Job, submission: str) -> None:
    rows = job.output.read_bytes().splitlines()
    expected = list(expected_rows(job.input, submission))
    assert len(rows) == len(expected)
    for row, (request_id, result) in zip(rows, expected, strict=True):
        if result is None:
            refused = orjson.loads(row)
            assert (refused["id"], refused["status"]) == (request_id, "rejected")
            assert "sampling.temperature" in refused["error"]["message"]
        else:
            assert row == result


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "in.jsonl", tmp_path / "out.jsonl", "demo", concurrency=4000)


def unheard(progress: Progress) -> None:
    del progress


async def test_every_line_gets_its_row_in_order(settings: Settings, job: Job) -> None:
    write_workload(job.input, 3000)
    seen: list[Progress] = []
    async with AnsweringPipeline(settings.kafka) as pipeline:
        summary = await submit(job, settings, seen.append)
    check_output(job, summary.journal.submission)
    tally = summary.journal.tally
    assert (tally.rows, tally.refused, tally.by_status) == (3000, 6, {"completed": 2994, "rejected": 6})
    assert summary.sent == len(pipeline.paid) == 2994
    assert (seen[-1].done, seen[-1].lines, seen[-1].under_way) == (3030, 3030, 0)
    assert all(before.done <= after.done for before, after in pairwise(seen))


async def test_a_complete_submission_is_not_sent_again(settings: Settings, job: Job) -> None:
    write_workload(job.input, 50)
    async with AnsweringPipeline(settings.kafka):
        first = await submit(job, settings, unheard)
        output = job.output.read_bytes()
        again = await submit(job, settings, unheard)
    assert (again.sent, again.journal) == (0, first.journal)
    assert job.output.read_bytes() == output


async def test_answers_that_come_while_nobody_listens_are_found(settings: Settings, job: Job) -> None:
    """Interrupted after sending: the next attempt reads what came meanwhile and sends nothing again."""
    write_workload(job.input, 400)
    async with AnsweringPipeline(settings.kafka) as pipeline:
        pipeline.answering.clear()
        attempt = asyncio.create_task(submit(job, settings, unheard))
        await until(lambda: asked(pipeline, job) == 400)
        attempt.cancel()
        await asyncio.wait([attempt])
        pipeline.answering.set()
        await until(lambda: len(pipeline.paid) >= 400 and pipeline.idle)
        summary = await submit(job, settings, unheard)
    assert attempt.cancelled()
    check_output(job, summary.journal.submission)
    assert (summary.sent, pipeline.repeats) == (0, 0)


async def test_what_the_log_lost_is_sent_again_after_a_silence(
    settings: Settings, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.submission.submission.FIRST_PATIENCE_SECONDS", 0.5)
    write_workload(job.input, 30)
    lost = frozenset({f"{job.input.parent.name}-{number}" for number in (3, 7)})
    async with AnsweringPipeline(settings.kafka, silent=lost) as pipeline:
        summary = await submit(job, settings, unheard)
    check_output(job, summary.journal.submission)
    assert (summary.sent, set(pipeline.paid.values())) == (32, {1})


async def test_killed_at_any_moment_it_goes_on_and_the_output_is_the_same(settings: Settings, job: Job) -> None:
    """Ten thousands of lines, kill -9 again and again: the same file in the end, nothing paid twice."""
    write_workload(job.input, LINES)
    command = [sys.executable, "-m", "streams.cli", "submit", str(job.input), "-o", str(job.output)]
    command += ["--concurrency", str(job.concurrency), "--tenant", "demo", "--json"]
    chance = random.Random(11)
    sizes: list[int] = []
    async with AnsweringPipeline(settings.kafka) as pipeline:
        for _ in range(KILLS):
            process = await asyncio.create_subprocess_exec(*command, env=environment_of(settings))
            enough = LINES * chance.uniform(0.1, 0.9) / KILLS + len(pipeline.paid)
            await until(lambda: len(pipeline.paid) >= enough or process.returncode is not None)  # noqa: B023 - awaited here
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
            sizes.append(job.output.stat().st_size)
        last = await asyncio.create_subprocess_exec(
            *command, env=environment_of(settings), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await last.communicate()
    summary = orjson.loads(said)
    assert last.returncode == 0
    check_output(job, summary["submission"])
    assert sizes[-1] < job.output.stat().st_size, "every kill came after the end"
    assert summary["rows"] == LINES
    assert set(pipeline.paid.values()) == {1}
    assert len(pipeline.paid) == LINES - LINES // 500


def listening() -> None:
    """Hear Ctrl-C in a child, even where a shell has run these tests in the background and had it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


async def test_ctrl_c_says_how_to_go_on(settings: Settings, job: Job) -> None:
    write_workload(job.input, 300)
    command = [sys.executable, "-m", "streams.cli", "submit", str(job.input), "-o", str(job.output)]
    async with AnsweringPipeline(settings.kafka) as pipeline:
        pipeline.answering.clear()
        process = await asyncio.create_subprocess_exec(
            *command, env=environment_of(settings), stderr=asyncio.subprocess.PIPE, preexec_fn=listening
        )
        await until(lambda: asked(pipeline, job) > 0)
        process.send_signal(signal.SIGINT)
        _, said = await process.communicate()
        assert process.returncode == 128 + signal.SIGINT
        assert b"interrupted; " in said
        assert b"Run the same command again to go on." in said
        assert b"Traceback" not in said
        pipeline.answering.set()
        again = await asyncio.create_subprocess_exec(*command, env=environment_of(settings))
        assert await again.wait() == 0
    assert len(job.output.read_bytes().splitlines()) == 300


async def test_a_new_log_is_noticed_and_what_is_unanswered_asked_again(tmp_path: Path, job: Job) -> None:
    """The embedded broker forgets everything when it ends; an interrupted submission survives that."""
    write_workload(job.input, 600)

    async def attempt(settings: Settings, stop_after: int | None) -> Summary | None:
        await ensure_topics(settings)
        async with AnsweringPipeline(settings.kafka, stop_after=stop_after) as pipeline:
            task = asyncio.create_task(submit(job, settings, unheard))
            await until(lambda: task.done() or pipeline.stopped)
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
                return None
            return task.result()

    summary = None
    for stop_after in (150, None):
        broker = EmbeddedBroker(tmp_path / "broker", port=0)
        await broker.start()
        kafka = KafkaSettings(bootstrap=broker.bootstrap, fetch_max_wait_ms=4, idempotent_producer=False)
        try:
            summary = await attempt(Settings(kafka=kafka), stop_after)
        finally:
            await broker.stop()
    assert summary is not None
    check_output(job, summary.journal.submission)


async def test_a_log_that_is_lost_under_way_is_noticed_too(
    tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker ends and another one begins at the same address, empty, while submit waits for results."""
    monkeypatch.setattr("streams.submission.submission.FIRST_PATIENCE_SECONDS", 1.0)
    write_workload(job.input, 600)
    (port,) = free_ports(1)
    kafka = KafkaSettings(bootstrap=f"127.0.0.1:{port}", fetch_max_wait_ms=4, idempotent_producer=False)
    settings = Settings(kafka=kafka)
    broker = EmbeddedBroker(tmp_path / "broker", port=port)
    await broker.start()
    await ensure_topics(settings)
    async with AnsweringPipeline(kafka, stop_after=150) as pipeline:
        submission = asyncio.create_task(submit(job, settings, unheard))
        await until(lambda: pipeline.stopped)
    await broker.stop()
    await broker.start()
    try:
        await ensure_topics(settings)
        async with AnsweringPipeline(kafka):
            summary = await submission
    finally:
        await broker.stop()
    check_output(job, summary.journal.submission)


async def test_one_request_is_answered(settings: Settings, tmp_path: Path) -> None:
    request = Request(id=f"{tmp_path.name}-one", tenant="demo", prompt="hello")
    async with AnsweringPipeline(settings.kafka):
        result = await ask(request, settings.kafka, 20.0)
    assert result == answer_to({"id": request.id, "tenant": "demo", "prompt": "hello"})


async def test_a_request_nobody_answers_has_no_result(settings: Settings, tmp_path: Path) -> None:
    request = Request(id=f"{tmp_path.name}-nobody", tenant="demo", prompt="hello")
    assert await ask(request, settings.kafka, 0.3) is None


async def test_without_a_broker_the_error_says_what_to_do(job: Job) -> None:
    write_workload(job.input, 1)
    nowhere = Settings(kafka=KafkaSettings(bootstrap="127.0.0.1:1"))
    with pytest.raises(BrokerUnavailable, match=r"no broker answers at 127.0.0.1:1; start one with `asahi up`"):
        await submit(job, nowhere, unheard)


async def test_without_topics_the_error_says_what_to_do(settings: Settings, job: Job, broker_kind: str) -> None:
    if broker_kind == "apache":
        pytest.skip("deleting a topic there takes its time; the embedded broker shows the same")
    write_workload(job.input, 1)
    async with admin(settings) as client:
        await client.delete_topics(["asahi.results"])
    try:
        with pytest.raises(ConfigurationError, match="asahi topics --create"):
            await submit(job, settings, unheard)
    finally:
        await ensure_topics(settings)
