"""ClickHouse stopped, the broker restarted: the pipeline goes on or resumes, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.conftest import Report
from tests.chaos.rig import running
from tests.kafka.apache import ApacheKafka
from tests.kafka.polling import until

AWAY_SECONDS = 20.0
ANSWERING_SECONDS = 120
"""Workers start within it even where other tests take the cores."""
REQUESTS = 2_000


@pytest.mark.timeout(400)
async def test_the_pipeline_goes_on_without_clickhouse_and_the_sink_catches_up(
    tmp_path: Path, own_broker: str, broker_kind: str, report: Report
) -> None:
    async with running(tmp_path, own_broker, broker_kind, workers=1, latency_seconds=0.01) as rig:
        await rig.send(f"before-{number}" for number in range(REQUESTS // 2))
        await rig.wait_for_results(REQUESTS // 2, ANSWERING_SECONDS)
        await rig.warehouse.stop()
        clock = asyncio.get_running_loop().time
        back_at = clock() + AWAY_SECONDS
        await rig.send(f"during-{number}" for number in range(REQUESTS // 2))
        answers = await rig.wait_for_results(REQUESTS, ANSWERING_SECONDS)
        answered_after = clock() - back_at + AWAY_SECONDS
        await until(lambda: clock() >= back_at, AWAY_SECONDS + 5)
        await rig.warehouse.start()  # all is answered before it is back

        assert answers.repeats == 0
        for table in ("results", "usage"):
            await rig.wait_for_rows(f"SELECT count() FROM asahi.{table}", (REQUESTS,), 60)
        await rig.wait_for_rows("SELECT uniqExact(id) FROM asahi.results WHERE status = 'completed'", (REQUESTS,), 10)
        assert rig.sink.poll() is None, "the sink never stopped"
        report(requests=REQUESTS, away_seconds=AWAY_SECONDS, answered_while_away_after=round(answered_after, 1))


@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_a_broker_killed_and_restarted_loses_and_doubles_nothing(
    tmp_path: Path, kafka_jars: Path, report: Report
) -> None:
    del kafka_jars
    kafka = ApacheKafka(tmp_path / "kafka")
    await kafka.start()
    try:
        async with running(tmp_path, kafka.bootstrap, "apache", workers=2, latency_seconds=0.05) as rig:
            await rig.send(f"r-{number}" for number in range(REQUESTS))
            await until(lambda: len(rig.provider.calls) >= REQUESTS // 4)
            await kafka.kill()
            await kafka.start()
            answers = await rig.wait_for_results(REQUESTS, ANSWERING_SECONDS)

            assert sum(len(outcomes) for outcomes in answers.results.values()) == REQUESTS
            assert set(answers.usages) == set(answers.results)
            calls = rig.calls_by_request()
            assert set(calls) == set(answers.results)
            for table in ("results", "usage"):
                expected = REQUESTS if table == "results" else sum(len(ids) for ids in answers.usages.values())
                await rig.wait_for_rows(f"SELECT count() FROM asahi.{table}", (expected,), 60)
            report(
                requests=REQUESTS,
                calls_repeated=calls.total() - REQUESTS,
                result_messages_repeated=answers.repeats,
                workers_alive=sum(worker.poll() is None for worker in rig.workers),
            )
    finally:
        await kafka.stop()
