"""Steps on a real broker and engine: a worker dies between a step and its request, and is succeeded."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import REQUESTS
from tests.chaos.rig import TENANTS, Rig, running

TENANT = TENANTS[0]
QUESTIONS = 5
SECONDS = 60
STEPS = [
    {"name": "summary", "operation": "Summarize.", "input": "The harbour was built in 1911."},
    {"name": "title", "operation": "Find a title.", "input": "{{steps.summary}}"},
]


async def ask(rig: Rig) -> None:
    """Send questions that share their steps."""
    requests = [
        {"id": f"q{number}", "tenant": TENANT, "prompt": f"{number}? {{{{steps.title}}}}", "steps": STEPS}
        for number in range(QUESTIONS)
    ]
    kafka = rig.settings.kafka
    async with Outbox(kafka) as outbox:
        message = Publication(json.dumps(requests).encode(), TENANT.encode())
        await outbox.publish(REQUESTS.name, home_partition(TENANT, kafka.partitions), [message])


@pytest.mark.parametrize("broker_kind", ["embedded"], indirect=True)
async def test_steps_outlive_their_worker_and_are_counted_once(
    tmp_path: Path, own_broker: str, broker_kind: str
) -> None:
    async with running(tmp_path, own_broker, broker_kind, workers=1, latency_seconds=0.3) as rig:
        await ask(rig)
        async with asyncio.timeout(SECONDS):
            while not any(name.endswith(" title") for name in rig.calls_by_request()):  # noqa: ASYNC110 - another process asks
                await asyncio.sleep(0.01)
        rig.kill_worker(0)
        rig.start_worker()
        answers = await rig.wait_for_results(QUESTIONS, SECONDS)
        assert answers.results.keys() == {f"q{number}" for number in range(QUESTIONS)}
        assert {status for outcomes in answers.results.values() for _, status in outcomes} == {"completed"}
        calls = rig.calls_by_request()
        assert sum(count for name, count in calls.items() if name.endswith(" summary")) == 1
        assert all(calls[f"q{number}"] == 1 for number in range(QUESTIONS))
        taken = "SELECT count(), sum(steps), sum(steps_reused) FROM asahi.results"
        await rig.wait_for_rows(taken, (QUESTIONS, 2 * QUESTIONS, 2 * QUESTIONS - 2), SECONDS)
        counted = "SELECT countIf(step = 'summary'), countIf(step = ''), count() >= 7 FROM asahi.usage"
        await rig.wait_for_rows(counted, (1, QUESTIONS, 1), SECONDS)
        [(spent,)] = await rig.query("SELECT sum(cost_usd) FROM asahi.usage WHERE NOT superseded")
        assert await rig.query("SELECT sum(cost_usd), sum(saved_usd) FROM asahi.results") == [
            (spent, (await rig.query("SELECT sum(baseline_cost_usd) - sum(cost_usd) FROM asahi.results"))[0][0])
        ]
