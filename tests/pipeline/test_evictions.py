"""Answers taken out of the cache: gone at once, and gone for whoever takes over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.governance import CacheEvicted
from streams.evictions import ALL, eviction_place, of_model, of_request
from tests.memory.cluster import Cluster
from tests.pipeline.rig import Rig, ask, nothing_is_held, settings
from tests.pipeline.test_takeover import next_owner
from tests.unit.providers.virtual_time import clock, run

QUESTION = "What is the capital of Chad?"


def evict(cluster: Cluster, selector: str, tenant: str = "acme") -> None:
    """Tell everybody, and who comes later, as the governance topic does."""
    fact = CacheEvicted(tenant=tenant, selector=selector, evicted_at=datetime.fromtimestamp(clock(), UTC))
    message = (eviction_place(tenant, selector), fact.model_dump_json(exclude_none=True).encode())
    assert isinstance(cluster.machine.tenants, list)
    cluster.machine.tenants.append(message)
    for worker in cluster.workers:
        worker.stages.directory.apply(*message)


async def answered(cluster: Cluster, rig: Rig, name: str, tenant: str = "acme") -> str:
    """Ask the question; return who was asked for the answer: `completed`, or the request whose answer it is."""
    cluster.submit(ask(name, tenant, prompt=QUESTION), tenant)
    await cluster.drained()
    [result] = rig.results()[name]
    return result["cache"]["source_request_id"] if result["status"] == "cached" else str(result["status"])


@pytest.mark.parametrize("selector", [ALL, of_request("r0"), "model"])
def test_what_was_evicted_stays_so_whoever_takes_over(selector: str) -> None:
    rig = Rig(settings())

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        assert await answered(cluster, rig, "r0") == "completed"
        assert await answered(cluster, rig, "r1") == "r0"
        assert await answered(cluster, rig, "z0", "zeta") == "completed"
        model = rig.results()["r0"][0]["model"]
        evict(cluster, of_model(model) if selector == "model" else selector)
        await next_owner(cluster)
        assert await answered(cluster, rig, "r2") == "completed"
        assert await answered(cluster, rig, "z1", "zeta") == "z0"
        await next_owner(cluster)
        assert await answered(cluster, rig, "r3") == "r2"
        nothing_is_held(cluster)

    run(test())


@pytest.mark.parametrize(
    ("selector", "expected"),
    [(ALL, "completed"), (of_request("r0"), "completed"), (of_request("r1"), "r0"), (of_model("another"), "r0")],
)
def test_it_takes_effect_at_once_and_on_nothing_else(selector: str, expected: str) -> None:
    rig = Rig(settings())

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        assert await answered(cluster, rig, "r0") == "completed"
        evict(cluster, ALL, "zeta")
        evict(cluster, selector)
        assert await answered(cluster, rig, "r1") == expected

    run(test())
