"""Producers race for a budget that covers a third of what they ask, while workers die and partitions move.

The writer's figures, the log and an independent fold in SQL must agree to the last digit, no reservation may be left
over, and what was let in may pass the budget only by calls that a kill made happen twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from decimal import Decimal
from pathlib import Path

import pytest

from agents.governance.budgets.standing import Standing
from agents.governance.commands.budgets import read_standings
from schemas.governance import TeamRegistered, UserRegistered
from schemas.policy import Budget, Period
from schemas.tenant import TenantRegistered
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.tail import read_tail
from streams.topics import GOVERNANCE, REQUESTS, RESULTS
from tests.chaos.conftest import Report
from tests.chaos.rig import PAUSE_SECONDS, Rig, running
from tests.kafka.polling import until

REQUESTS_RACING = int(os.environ.get("ASAHI_RACING_REQUESTS", "2000"))
"""The target of the design is 10,000."""
PRODUCERS = 16
WAVES = 4
BULK = 5
SEED = 20_261_126
TENANT = "racer"
PROMPT = "Ticket {}: " + "the kettle arrived late, wet and in two parts. " * 9
LONGEST_ANSWER = 28
"""So that the estimate is an upper bound, and a close one: prompts weigh most."""
COST = Decimal("0.00015")
"""Of one call, nearly."""
FOLD = """
SELECT scope.1 AS kind, scope.2 AS name, toString(sum(cost_usd)) AS usd
FROM asahi.spending
ARRAY JOIN [('tenant', tenant), ('team', toString(team)), ('user', user), ('key', toString(key_id))] AS scope
WHERE name != '' GROUP BY kind, name ORDER BY kind, name
"""


@pytest.mark.timeout(600)
async def test_racing_producers_never_pass_a_hard_budget(
    tmp_path: Path, own_broker: str, broker_kind: str, report: Report
) -> None:
    limit = REQUESTS_RACING * COST / 3
    chance = random.Random(SEED)
    organization = TenantRegistered(
        tenant=TENANT, reference_model="small", budgets=(Budget(period=Period.TOTAL, limit_usd=limit),)
    )
    async with running(
        tmp_path, own_broker, broker_kind, workers=2, latency_seconds=0.05, tenants=(organization,)
    ) as rig:
        await _register(rig, limit)
        began = time.monotonic()
        for wave in range(WAVES):
            before = len(rig.provider.calls)
            await _race(rig, wave)
            if wave < WAVES // 2:  # while the budget lasts
                covered = REQUESTS_RACING // WAVES if wave == 0 else REQUESTS_RACING // (3 * WAVES)
                share = chance.uniform(0.2, 0.6)
                await until(lambda calls=before + share * covered: len(rig.provider.calls) >= calls)  # type: ignore[misc]
            rig.kill_worker(chance.randrange(len(rig.workers)))
            rig.start_worker()
            if wave == 1:
                rig.start_worker()  # a third one: partitions move while all live
        statuses = await _statuses(rig, REQUESTS_RACING, 120)
        seconds = time.monotonic() - began

        spent, figures = await _settled(rig)
        superseded = await rig.query("SELECT sum(cost_usd), countIf(superseded) FROM asahi.usage WHERE superseded")
        twice, calls_twice = superseded[0]
        rejected = sum(1 for status, _ in statuses.values() if status == "rejected")
        assert {code for status, code in statuses.values() if status == "rejected"} == {"budget_exceeded"}
        assert {status for status, _ in statuses.values()} == {"completed", "rejected"}
        assert spent <= limit + Decimal(str(twice))
        assert spent >= limit * Decimal("0.8"), "what is held comes back: the budget is used"
        assert all(one.reserved == 0 for one in figures), figures
        report(
            requests=REQUESTS_RACING,
            completed=len(statuses) - rejected,
            rejected=rejected,
            limit_usd=limit,
            spent_usd=spent,
            calls_paid_twice=calls_twice,
            leaked_reservations=sum(1 for one in figures if one.reserved),
            seconds=round(seconds, 1),
        )


async def _register(rig: Rig, limit: Decimal) -> None:
    """Register a team and its users, whose budgets are as large but soft: they count, and let everybody in."""
    soft = (Budget(period=Period.TOTAL, limit_usd=limit, hard=False),)
    team = TeamRegistered(tenant=TENANT, team="kettles", budgets=soft)
    facts = [Publication(team.model_dump_json().encode(), f"{TENANT}/team/kettles".encode())]
    for number in range(PRODUCERS):
        user = UserRegistered(tenant=TENANT, user=f"user-{number}", team="kettles", budgets=soft)
        facts.append(Publication(user.model_dump_json().encode(), f"{TENANT}/user/user-{number}".encode()))
    async with Outbox(rig.settings.kafka) as outbox:
        await outbox.publish(GOVERNANCE.name, 0, facts)


async def _race(rig: Rig, wave: int) -> None:
    """Send a share of the requests from all producers at once."""
    each = REQUESTS_RACING // (WAVES * PRODUCERS)
    left = REQUESTS_RACING // WAVES - each * PRODUCERS

    async def produce(producer: int) -> None:
        numbers = range(each + (left if producer == 0 else 0))
        bodies = [_request(f"w{wave}-p{producer}-{number}", producer) for number in numbers]
        async with Outbox(rig.settings.kafka) as outbox:
            for start in range(0, len(bodies), BULK):
                bulk = Publication(b"[" + b",".join(bodies[start : start + BULK]) + b"]", TENANT.encode())
                await outbox.publish(REQUESTS.name, home_partition(TENANT, rig.settings.kafka.partitions), [bulk])

    await asyncio.gather(*(produce(producer) for producer in range(PRODUCERS)))


def _request(name: str, producer: int) -> bytes:
    request = {"id": name, "tenant": TENANT, "user": f"user-{producer}", "prompt": PROMPT.format(name)}
    return json.dumps({**request, "sampling": {"max_output_tokens": LONGEST_ANSWER}}).encode()


async def _statuses(rig: Rig, count: int, seconds: float) -> dict[str, tuple[str, str]]:
    """Wait for all results; return status and error code by request id."""
    deadline = asyncio.get_running_loop().time() + seconds
    found: dict[str, tuple[str, str]] = {}
    starts = rig.starts(RESULTS.name)
    while len(found) < count:
        assert asyncio.get_running_loop().time() < deadline, f"{len(found)} of {count}\n{rig.logs()}"
        async for records in read_tail(rig.settings.kafka, starts):
            for record in records:
                result = json.loads(record.value or b"{}")
                found[result["id"]] = (result["status"], (result.get("error") or {}).get("code", ""))
                starts[record.topic, record.partition] = record.offset + 1
        await asyncio.sleep(PAUSE_SECONDS)
    return found


async def _settled(rig: Rig) -> tuple[Decimal, list[Standing]]:
    """Wait until the notes, the log and SQL agree; return what the organization has spent, and all standings."""
    deadline = asyncio.get_running_loop().time() + 30
    while True:
        figures = await read_standings(rig.settings, TENANT, time.time())
        said = {(str(one.place.kind), one.place.name): one.spent for one in figures if one.spent}
        folded = {(kind, name): Decimal(usd) for kind, name, usd in await rig.query(FOLD)}
        if said == folded and not any(one.reserved for one in figures):
            return said["tenant", TENANT], figures
        late = asyncio.get_running_loop().time() > deadline
        assert not late, f"{said} by the writers, {folded} by SQL, {figures}\n{rig.logs()}"
        await asyncio.sleep(PAUSE_SECONDS)
