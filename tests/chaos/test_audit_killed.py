"""Workers killed with -9 while they seal: every audit record is sealed once, in chains that do not fork."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from agents.governance.audit.commands import run_verification
from agents.governance.audit.keys import require_signing_key
from agents.governance.audit.verification import Verification
from schemas.settings import AuditSettings
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import REQUESTS
from tests.chaos.conftest import Report
from tests.chaos.rig import PAUSE_SECONDS, Rig, running

ROUNDS = 4
REQUESTS_PER_ROUND = int(os.environ.get("ASAHI_SEALED_PER_ROUND", "1000"))
SEED = 20_261_126
PATIENCE_SECONDS = 120.0


def sealed(verification: Verification) -> int:
    return sum(report.tally.sealed for report in verification.chains)


async def reject(rig: Rig, ids: Iterable[str]) -> None:
    """Send requests of tenants that nobody knows."""
    by_tenant: dict[str, list[bytes]] = {}
    for number, request_id in enumerate(ids):
        tenant = f"nobody-{number % 11}"
        by_tenant.setdefault(tenant, []).append(
            msgspec.json.encode({"id": request_id, "tenant": tenant, "prompt": "x"})
        )
    partitions = rig.settings.kafka.partitions
    async with Outbox(rig.settings.kafka) as outbox:
        for tenant, bodies in by_tenant.items():
            messages = [Publication(body, tenant.encode()) for body in bodies]
            await outbox.publish(REQUESTS.name, home_partition(tenant, partitions), messages)


async def settled(rig: Rig, source: str, records: int) -> Verification:
    """Return the verification once so many records are sealed and there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = await run_verification(rig.settings, source)
        if sealed(found) >= records:
            return found
        assert time.monotonic() < deadline, (source, sealed(found), records)
        await asyncio.sleep(PAUSE_SECONDS)


@pytest.mark.timeout(400)
async def test_four_kills_neither_fork_the_chain_nor_leave_a_record_out(
    tmp_path: Path, own_broker: str, broker_kind: str, report: Report
) -> None:
    """With 4,000 records; `ASAHI_SEALED_PER_ROUND=2000` makes it as many again, and looking at them the longer."""
    chance = random.Random(SEED)
    often = AuditSettings(folder=tmp_path / "audit", checkpoint_records=200, checkpoint_seconds=0.5)
    async with running(tmp_path, own_broker, broker_kind, workers=2, latency_seconds=0.01, audit=often) as rig:
        require_signing_key(rig.settings)  # whoever is first makes it: this test, or a worker
        for round_ in range(ROUNDS):
            await reject(rig, (f"r{round_}-{number}" for number in range(REQUESTS_PER_ROUND)))
            sealing = (round_ + chance.uniform(0.05, 0.9)) * REQUESTS_PER_ROUND
            await settled(rig, "log", int(sealing))
            rig.kill_worker(chance.randrange(len(rig.workers)))
            rig.start_worker()
        total = ROUNDS * REQUESTS_PER_ROUND
        await rig.wait_for_rows("SELECT uniqExact(subject) FROM asahi.audit", (total,), PATIENCE_SECONDS)
        for source in ("archive", "log"):
            found = await settled(rig, source, total)
            assert found.findings.kept == []
            assert found.checkpoints > 0
        report(
            records=sealed(found),
            links=sum(one.tally.links for one in found.chains),
            checkpoints=found.checkpoints,
        )
