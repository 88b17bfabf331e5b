"""What a predecessor may have let in: rates and limits in flight count it, and refuse it no more."""

from __future__ import annotations

import asyncio
from collections import Counter

from agents.providers.protocol import Prompt, Reply
from agents.providers.scripted import ANSWER
from schemas.policy import Rates
from schemas.settings import KafkaSettings, Settings, WindowSettings, WorkerSettings
from schemas.tenant import TenantRegistered
from streams.envelope import RESTORED_HEADER, Publication
from streams.partitioning import home_partition
from streams.topics import REQUESTS
from tests.memory.cluster import Cluster, Event
from tests.memory.worker import MemoryWorker
from tests.pipeline.rig import PARTITIONS, Rig, ask, nothing_is_held, settings, until
from tests.pipeline.traffic import FAR_SECONDS, in_seconds
from tests.unit.providers.virtual_time import run

HELD_SECONDS = 60
"""How long a window keeps what can wait."""
PATIENT = WindowSettings(bulk_seconds=HELD_SECONDS)
ROOM, FETCHED = 5, 2
"""Requests that a worker may hold, and messages that it reads at once."""
NARROW = settings(
    windows=PATIENT,
    worker=WorkerSettings(max_outstanding=ROOM),
    kafka=KafkaSettings(partitions=PARTITIONS, commit_interval_seconds=0.1, max_poll_records=FETCHED),
)


class Slow:
    """Answers after a minute."""

    async def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        del prompt, model, attempt
        await asyncio.sleep(60)
        return ANSWER

    async def close(self) -> None:
        """Nothing is held."""


def rig_of(rates: Rates, chosen: Settings | None = None, **fields: object) -> Rig:
    """Return a rig in which acme has these rates."""
    tenants = (
        TenantRegistered(tenant="acme", reference_model="big", rates=rates),
        TenantRegistered(tenant="zeta", reference_model="big"),
    )
    return Rig(chosen or settings(windows=PATIENT), tenants=tenants, **fields)  # type: ignore[arg-type]


def far(name: str) -> bytes:
    """Return a request that is let in and then waits in the bulk window."""
    return ask(name, constraints=in_seconds(FAR_SECONDS))


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


async def next_owner(cluster: Cluster) -> MemoryWorker:
    """Kill the owner of everything; return the next one once it knows what there is to know."""
    [worker] = cluster.workers
    cluster.kill(worker, Event(0, down_seconds=0.0))
    await until(lambda: cluster.workers and cluster.workers[0].stages.intake._tenancy.states)
    return cluster.workers[0]


def restored(cluster: Cluster, *requests: bytes) -> None:
    """Put requests on the log as they come back from the archive."""
    home = home_partition("acme", PARTITIONS)
    for number, value in enumerate(requests):
        headers = [(RESTORED_HEADER, b"earlier/0/%d" % number)]
        cluster.machine.broker.append(REQUESTS.name, home, [Publication(value, b"acme", headers)])


def error_codes(rig: Rig, prefix: str) -> Counter[str | None]:
    """Return how the requests of this prefix ended, by the code of the error."""
    found = [results[0] for name, results in rig.results().items() if name.startswith(prefix)]
    return Counter((result.get("error") or {}).get("code") for result in found)


def test_what_was_let_in_before_a_kill_counts_against_the_rate_and_is_not_refused() -> None:
    """They came at the pace that the rate allows; their successor reads all of them at once."""

    async def test() -> Rig:
        rig = rig_of(Rates(requests_per_minute=60, request_burst=5))
        cluster = rig.cluster()
        await cluster.join()
        for name in names("held", 15):
            cluster.submit(far(name), "acme")
            await asyncio.sleep(1.0)
        assert rig.results() == {}
        await next_owner(cluster)
        for name in names("new", 3):
            cluster.submit(far(name), "acme")
        await until(lambda: {"new0", "new1", "new2"} <= rig.results().keys())
        await asyncio.sleep(5.0)
        cluster.submit(far("later"), "acme")
        await cluster.drained(200)
        nothing_is_held(cluster)
        return rig

    rig = run(test())
    assert error_codes(rig, "held") == {None: 15}
    assert error_codes(rig, "new") == {"rate_limited": 3}
    assert error_codes(rig, "later") == {None: 1}, "nobody waits longer than for a whole burst"
    wait = rig.results()["new0"][0]["error"]["retry_after_seconds"]
    assert 0 < wait <= 1.0


def test_what_was_let_in_before_a_rebalance_takes_places_in_flight_and_is_not_refused() -> None:
    """The limit was lowered while they were under way: nobody who is in is sent out, and nobody else comes in."""

    async def test() -> Rig:
        rig = rig_of(Rates(in_flight=20, requests_per_minute=60, request_burst=20))
        cluster = rig.cluster()
        worker = await cluster.join()
        for name in names("held", 20):
            cluster.submit(far(name), "acme")
        await until(lambda: worker.stages.intake._capacity.used == 20)
        lowered = TenantRegistered(tenant="acme", reference_model="big", rates=Rates(in_flight=3))
        rig.tenants = (lowered, rig.tenants[1])
        cluster.machine = rig.machine()
        worker.stages.directory.apply(b"acme", lowered.model_dump_json().encode())
        await cluster.join()
        await until(lambda: all(each.stages.intake._tenancy.states for each in cluster.workers))
        cluster.submit(far("new"), "acme")
        await until(lambda: "new" in rig.results())
        await cluster.drained(200)
        nothing_is_held(cluster)
        return rig

    rig = run(test())
    assert error_codes(rig, "held") == {None: 20}
    assert error_codes(rig, "new") == {"too_many_in_flight": 1}


def test_of_a_flood_no_more_passes_than_a_predecessor_can_have_read() -> None:
    """Behind what it had let in lies what it had no room for: that is judged, but for one delivery."""

    async def test() -> Rig:
        rig = rig_of(Rates(requests_per_minute=1, request_burst=ROOM), NARROW, fetch_records=1)
        cluster = rig.cluster()
        worker = await cluster.join()
        for name in names("r", 40):
            cluster.submit(far(name), "acme")
        await until(lambda: worker.stages.intake._capacity.used == ROOM)
        await asyncio.sleep(1.0)
        await next_owner(cluster)
        await cluster.drained(400)
        nothing_is_held(cluster)
        return rig

    rig = run(test())
    let_in = [name for name, (result, *_) in rig.results().items() if result["status"] == "completed"]
    assert set(names("r", ROOM)) <= set(let_in)
    assert len(let_in) <= ROOM + FETCHED - 1 + 2, "two more are let in by the rate, one a minute"
    assert error_codes(rig, "r")["rate_limited"] == 40 - len(let_in)


def test_restored_requests_take_their_places_and_are_not_refused() -> None:
    """More than a worker holds at once, and than the limits allow: an earlier log let them in."""

    async def test() -> Rig:
        rates = Rates(in_flight=20, requests_per_minute=60, request_burst=10)
        rig = rig_of(rates, settings(), providers={"east": Slow()})
        cluster = rig.cluster()
        restored(cluster, *(ask(name) for name in names("restored", 100)))
        await cluster.join()
        await until(lambda: len(rig.passengers()) + len(rig.results()) == 100)
        cluster.submit(ask("new"), "acme")
        await until(lambda: "new" in rig.results())
        await cluster.drained(600)
        cluster.submit(ask("then"), "acme")
        await cluster.drained(200)
        nothing_is_held(cluster)
        return rig

    rig = run(test())
    assert error_codes(rig, "restored") == {None: 100}
    assert error_codes(rig, "new") == {"too_many_in_flight": 1}
    assert error_codes(rig, "then") == {None: 1}


def test_a_worker_that_dies_among_restored_requests_leaves_none_to_be_refused() -> None:
    async def test() -> Rig:
        rig = rig_of(Rates(in_flight=20, requests_per_minute=60, request_burst=10), NARROW, fetch_records=3)
        cluster = rig.cluster()
        restored(cluster, *(ask(name) for name in names("restored", 60)))
        await cluster.join()
        await until(lambda: len(rig.passengers()) >= 9)
        await next_owner(cluster)
        await cluster.drained(600)
        return rig

    assert error_codes(run(test()), "restored") == {None: 60}


def test_whoever_calls_new_requests_restored_is_judged_as_everybody() -> None:
    """Anybody can write a header: it counts only for what lay on the log when the partition was taken over."""

    async def test() -> Rig:
        rig = rig_of(Rates(requests_per_minute=1, request_burst=2))
        cluster = rig.cluster()
        await cluster.join()
        await until(lambda: cluster.workers[0].stages.intake._tenancy.states)
        restored(cluster, *(ask(name) for name in names("r", 10)))
        await cluster.drained()
        return rig

    assert error_codes(run(test()), "r") == {None: 2, "rate_limited": 8}
