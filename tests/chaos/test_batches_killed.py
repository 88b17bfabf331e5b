"""The batch lane with real processes: workers killed with -9 while batches are made, under way and collected."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import BatchSettings, ProviderSettings, WindowSettings
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.tail import read_tail
from streams.topics import REQUESTS, USAGE
from tests.chaos.conftest import Report
from tests.chaos.rig import TENANTS, Rig
from tests.servers.batch_desk import BatchDesk, Conditions
from tests.servers.batches import BatchServer, tokens_of
from tests.servers.behaviour import answer_or_fail
from tests.servers.openai_compatible import OpenAICompatibleServer

REQUESTS_SENT = 400
KILLS = 5
DEADLINE_SECONDS = 150.0
SETTLING_SECONDS = 60
SEED = 20_261_125
BATCHES = BatchSettings(
    expected_seconds=5.0,
    collect_seconds=0.5,
    job_items=40,
    poll_seconds=1.0,
    cancel_seconds=5.0,
    rescue_seconds=20.0,
    settle_seconds=2.0,
    timeout_seconds=2.0,
)


@asynccontextmanager
async def running(folder: Path, bootstrap: str, broker: str, batches: BatchServer, kind: Any) -> AsyncIterator[Rig]:
    """Run a system whose one provider answers calls, and batches of this kind, until the block ends."""
    async with OpenAICompatibleServer(answer_or_fail(latency_seconds=0.02)) as provider:
        rig = Rig(folder, bootstrap, broker, provider)
        section = ProviderSettings(
            kind="openai-compatible",
            base_url=provider.base_url,
            batches=kind,
            batches_url=batches.base_url,
            api_key_env="BATCH_KEY",
        )
        try:
            await rig.start(
                2, providers={"loopback": section}, windows=WindowSettings(batch_lane=True), batches=BATCHES
            )
            yield rig
        finally:
            await rig.stop()


async def _send(rig: Rig) -> None:
    """Send requests that can wait, spread over the tenants."""
    deadline = (datetime.now(UTC) + timedelta(seconds=DEADLINE_SECONDS)).isoformat()
    async with Outbox(rig.settings.kafka) as outbox:
        for number in range(REQUESTS_SENT):
            tenant = TENANTS[number % len(TENANTS)]
            request = {
                "id": f"r{number}",
                "tenant": tenant,
                "prompt": f"What is {number}?",
                "constraints": {"deadline": deadline},
            }
            home = home_partition(tenant, rig.settings.kafka.partitions)
            message = Publication(json.dumps(request).encode(), tenant.encode())
            await outbox.publish(REQUESTS.name, home, [message])


async def _batch_usages(rig: Rig) -> dict[str, Decimal]:
    """Return what the usage events of batches cost, by id."""
    return {
        usage["id"]: Decimal(usage["cost_usd"])
        async for records in read_tail(rig.settings.kafka, rig.starts(USAGE.name))
        for usage in (json.loads(record.value or b"{}") for record in records)
        if "/" in usage["id"]
    }


async def counted_as_charged(rig: Rig, desk: BatchDesk) -> bool:
    """Return whether every charge has its usage event with the same amount, and every usage event its charge."""
    return await _batch_usages(rig) == _charges(desk)


def _charges(desk: BatchDesk) -> dict[str, Decimal]:
    """Return what the provider charged for each item: half of a dollar and of two per million tokens."""
    amounts = {}
    for (batch, item), times in desk.charged().items():
        input_tokens, output_tokens = tokens_of(json.loads(bytes(desk.batches[batch].items[item])))
        amounts[f"{batch}/{item}"] = times * (input_tokens * Decimal("0.5") + output_tokens) / 1_000_000
    return amounts


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_what_the_provider_charges_is_what_usage_counts(
    kind: str, tmp_path: Path, own_broker: str, broker_kind: str, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    monkeypatch.setenv("BATCH_KEY", "SECRET")
    desk = BatchDesk(time.time, Conditions(turnaround_seconds=6.0, failure_rate=0.05), tmp_path / "desk.jsonl")
    async with BatchServer(desk) as server, running(tmp_path, own_broker, broker_kind, server, kind) as rig:
        await _send(rig)
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(1.0, 6.0))
            rig.kill_worker(chance.randrange(len(rig.workers)))
            rig.start_worker()
        answers = await rig.wait_for_results(REQUESTS_SENT, 150)
        for _ in range(SETTLING_SECONDS):
            if await counted_as_charged(rig, desk):
                break
            await asyncio.sleep(1.0)
        assert await counted_as_charged(rig, desk)
        submitted = [item for batch in desk.batches.values() for item in batch.items]
        assert len(submitted) == len(set(submitted)), "no request is in two batches"
        assert {status for outcomes in answers.results.values() for _, status in outcomes} == {"completed"}
        charged = desk.charged()
        dollars = str(sum(_charges(desk).values()))
        batches = len(desk.batches)
        report(provider=kind, requests=REQUESTS_SENT, batches=batches, charged=len(charged), usd=dollars, kills=KILLS)
