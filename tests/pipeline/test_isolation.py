"""Nothing of one tenant shows in another's: each sees what he would see if he were alone, to the millisecond.

Two tenants share one partition, one worker and one provider, use the same request ids and, often, the same prompts.
What each gets is compared with a run in which only his own operations took place, at the same moments.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from schemas.settings import KafkaSettings, WindowSettings
from streams.topics import AUDIT, DEADLETTER, RESULTS, SURVEYS, USAGE
from tests.pipeline.operations import OPERATIONS, Act, Operation, private
from tests.pipeline.rig import Rig, settings
from tests.unit.providers.virtual_time import run

TENANTS = ("acme", "zeta")
COMMON = settings(
    kafka=KafkaSettings(partitions=1, commit_interval_seconds=0.1),
    windows=WindowSettings(bulk_size=2, bulk_seconds=1.0),
)
"""Windows are small, so that one who shares them notices."""
PUBLISHED = (RESULTS, SURVEYS, USAGE, AUDIT, DEADLETTER)
PLACES_ON_THE_LOG = {USAGE.name: ("id",), DEADLETTER.name: ("id", "source_offset")}
"""Fields that say at which place something stood on the shared log, or how many calls a worker had made."""

Seen = list[tuple[str, str]]

operations = st.builds(
    Operation,
    kind=st.sampled_from(sorted(OPERATIONS)),
    tenant=st.sampled_from(TENANTS),
    number=st.integers(0, 5),
    choice=st.integers(0, 3),
    pause=st.sampled_from((0.0, 0.0, 0.005, 0.04, 1.0)),
)


def lived(plan: list[Operation], tenants: tuple[str, ...]) -> Rig:
    """Let these tenants do their part of a plan, each operation at its moment."""
    rig = Rig(COMMON)

    async def test() -> None:
        cluster = rig.cluster(delays=(0.0,))
        await cluster.join()
        seconds = 0.0
        for operation in plan:
            seconds += operation.pause
            await asyncio.sleep(operation.pause)
            if operation.tenant in tenants:
                OPERATIONS[operation.kind](Act(cluster, operation, seconds))
        await cluster.drained()

    run(test())
    return rig


def published(rig: Rig, tenant: str) -> Seen:
    """Return everything that was published for a tenant, in an order that does not depend on others."""
    found: Seen = []
    for topic in PUBLISHED:
        for record in rig.broker.topic(topic.name):
            event: dict[str, Any] = msgspec.json.decode(record.value or b"")
            owner = event.get("key") if topic is DEADLETTER else event.get("tenant")
            if owner == tenant:
                left = {
                    key: value for key, value in event.items() if key not in PLACES_ON_THE_LOG.get(topic.name, ())
                }
                found.append((topic.name, msgspec.json.encode(left, order="sorted").decode()))
    return sorted(found)


@settings_of(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=st.lists(operations, max_size=25))
def test_each_tenant_sees_what_he_would_see_alone(plan: list[Operation]) -> None:
    together = lived(plan, TENANTS)
    for tenant in TENANTS:
        seen = published(together, tenant)
        assert seen == published(lived(plan, (tenant,)), tenant)
        assert not [event for other in TENANTS if other != tenant for event in seen if private(other) in event[1]]


def test_operations_do_what_they_are_for() -> None:
    """The property would hold trivially where nothing happens."""
    plan = [Operation(kind, tenant, number, 1, 0.04) for number, kind in enumerate(OPERATIONS) for tenant in TENANTS]
    plan += [Operation("same", "acme", 100, 1, 0.04), Operation("own", "acme", 0, 1, 0.04)]
    rig = lived(plan, TENANTS)
    statuses = {msgspec.json.decode(record.value or b"")["status"] for record in rig.broker.topic(RESULTS.name)}
    assert statuses >= {"completed", "cached", "rejected", "cache_miss"} or statuses >= {
        "completed",
        "cached",
        "rejected",
    }
    assert all(published(rig, tenant) for tenant in TENANTS)
    assert {topic for topic, _ in published(rig, "acme")} == {topic.name for topic in PUBLISHED}
