"""Workers killed with -9 and partitions moved with the semantic tier on: what was known is, what was gone is gone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from schemas.policy import Policy
from schemas.settings import SemanticSettings
from schemas.tenant import TenantRegistered
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import FEEDBACK
from tests.chaos.conftest import Report
from tests.chaos.rig import TENANTS, Rig, running
from tests.conftest import started_broker
from tests.kafka.polling import until

PATIENCE_SECONDS = 90.0
"""Workers start within it even where other tests take the cores."""
SHORT_SECONDS = 5.0
KNOWN, OTHER_WORDS = "What is the capital city of Chad?", "What's the capital city of Chad?"
DOUBTED, DOUBTED_TOO, DOUBTED_AGAIN = (
    "How do I sort a list in Python?",
    "How can I sort a list in Python?",
    "How should I sort a list in Python?",
)
BRIEF, BRIEF_TOO = "Who founded the city of Rome?", "Who has founded the city of Rome?"
ON = SemanticSettings(enabled=True, checked_share=0, checked_in_doubt=0)
POLICY = Policy(semantic_error_bound=0.2)
"""So wide that one rejection leaves other hits above the bar."""
ONLY = {"cache": {"directive": "only"}}


async def asked(rig: Rig, name: str, prompt: str, extra: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Ask a question of every tenant; return the results."""
    ids = {tenant: f"{name}/{tenant}" for tenant in TENANTS}
    earlier = len((await rig.answers()).results)
    await rig.ask({"id": ids[tenant], "tenant": tenant, "prompt": prompt, **(extra or {})} for tenant in TENANTS)
    answers = await rig.wait_for_results(earlier + len(ids), PATIENCE_SECONDS)
    assert all(len(answers.results[request_id]) == 1 for request_id in ids.values())
    return [answers.bodies[request_id] for request_id in ids.values()]


def tiers(results: Iterable[dict[str, Any]]) -> set[str | None]:
    """Return which tiers answered; None for a model, or for nobody."""
    return {result["cache"]["tier"] if result["status"] == "cached" else None for result in results}


async def reject(rig: Rig, name: str) -> None:
    """Grade what every tenant got for a question 0, and wait until it is heard."""
    async with Outbox(rig.settings.kafka) as outbox:
        for tenant in TENANTS:
            grade = {"id": f"grade/{tenant}", "request_id": f"{name}/{tenant}", "tenant": tenant, "grade": 0}
            home = home_partition(tenant, rig.settings.kafka.partitions)
            await outbox.publish(FEEDBACK.name, home, [Publication(json.dumps(grade).encode(), tenant.encode())])
    async with asyncio.timeout(PATIENCE_SECONDS):
        for look in count():
            if tiers(await asked(rig, f"look-{look}", DOUBTED_AGAIN, ONLY)) == {None}:
                return


async def holds(rig: Rig, when: str, expired_at: float) -> None:
    """Ask for what is known in its own and in other words, for what was rejected, and for what is too old."""
    assert tiers(await asked(rig, f"{when}-same", KNOWN)) == {"exact"}
    assert tiers(await asked(rig, f"{when}-other", OTHER_WORDS)) == {"semantic"}
    assert tiers(await asked(rig, f"{when}-doubted", DOUBTED)) == {"exact"}, "its own question it answers still"
    assert tiers(await asked(rig, f"{when}-rejected", DOUBTED_AGAIN, ONLY)) == {None}, "rejected, so nobody else's"
    await until(lambda: time.time() >= expired_at, SHORT_SECONDS + 1)
    for prompt in (BRIEF, BRIEF_TOO):
        assert tiers(await asked(rig, f"{when}-{prompt[4:7]}", prompt, ONLY)) == {None}, "not after its time"


@pytest.mark.timeout(300)
async def test_questions_outlive_their_workers_and_rejections_and_times_hold(tmp_path: Path, report: Report) -> None:
    tenants = tuple(TenantRegistered(tenant=name, reference_model="small", policy=POLICY) for name in TENANTS)
    async with (
        started_broker("embedded", tmp_path) as bootstrap,
        running(tmp_path, bootstrap, "embedded", workers=2, semantic=ON, tenants=tenants) as rig,
    ):
        assert tiers(await asked(rig, "first", KNOWN)) == {None}
        assert tiers(await asked(rig, "doubted", DOUBTED)) == {None}
        brief = {"cache": {"ttl_seconds": SHORT_SECONDS}}
        assert tiers(await asked(rig, "brief", BRIEF, brief)) == {None}
        expired_at = time.time() + SHORT_SECONDS
        assert tiers(await asked(rig, "brief-too", BRIEF_TOO, ONLY)) == {"semantic"}, "in its time it is served"
        assert tiers(await asked(rig, "doubted-too", DOUBTED_TOO)) == {"semantic"}
        await reject(rig, "doubted-too")
        calls = len(rig.provider.calls)

        rig.kill_worker(0)
        await holds(rig, "one-left", expired_at)
        rig.start_worker()
        await rig.joined(2, PATIENCE_SECONDS)
        await holds(rig, "moved", expired_at)
        rig.kill_worker(0)
        rig.kill_worker(0)
        rig.start_worker()
        await holds(rig, "anew", expired_at)

        assert len(rig.provider.calls) == calls, "nothing is asked again"
        answers = await rig.answers()
        assert all(len(outcomes) == 1 for outcomes in answers.results.values())
        report(questions=len(answers.results), calls=calls)
