"""Taking over: what a successor must know, one story each; `test_crash_law` tells all the others."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec

from agents.providers.protocol import Prompt, Reply
from agents.providers.scripted import ANSWER
from schemas.settings import IntakeSettings, WindowSettings, WorkerSettings
from streams.topics import CHECKPOINTS, COMPLETIONS, DISPATCH
from tests.memory.cluster import Cluster, Event
from tests.memory.worker import MemoryWorker
from tests.pipeline.rig import Rig, ask, nothing_is_held, settings, until
from tests.pipeline.traffic import FAR_SECONDS, in_seconds
from tests.unit.providers.virtual_time import run

FORGETFUL = settings(
    intake=IntakeSettings(recover_results=1, recover_completions=1),
    windows=WindowSettings(bulk_seconds=30),
    worker=WorkerSettings(drain_seconds=0.05),
)
"""Checkpoints must suffice: recovery reads as little besides as can be."""


class Paced:
    """Answers after as many seconds as the prompt says, at once otherwise; counts who asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        del model, attempt
        self.asked[prompt.id] += 1
        _, _, seconds = prompt.text.partition("takes ")
        await asyncio.sleep(float(seconds or 0))
        return ANSWER

    async def close(self) -> None:
        """Nothing is held."""


async def next_owner(cluster: Cluster) -> MemoryWorker:
    """Kill the owner of everything; return the next one as soon as there is one."""
    [worker] = cluster.workers
    cluster.kill(worker, Event(0, down_seconds=0.0))
    await until(lambda: cluster.workers)
    return cluster.workers[0]


def bulk(*requests: bytes) -> bytes:
    return b"[" + b",".join(requests) + b"]"


def far(name: str) -> bytes:
    """Return a request that waits in the bulk window."""
    return ask(name, constraints=in_seconds(FAR_SECONDS))


def test_a_second_successor_knows_what_the_first_had_inherited() -> None:
    """Its checkpoint stands before a message that the first worker had answered in part."""

    async def test() -> tuple[Rig, Paced]:
        provider = Paced()
        rig = Rig(FORGETFUL, providers={"east": provider}, fetch_records=1)
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("slow", prompt="takes 3"), "acme")
        await asyncio.sleep(0.5)
        cluster.submit(ask("waits", prompt="takes 3"), "acme")
        cluster.submit(bulk(ask("answered"), far("held")), "acme")
        await asyncio.sleep(0.5)
        assert rig.results().keys() == {"answered"}
        await next_owner(cluster)
        await asyncio.sleep(5)
        assert rig.results().keys() == {"answered", "slow", "waits"}
        await next_owner(cluster)
        await cluster.drained()
        nothing_is_held(cluster)
        return rig, provider

    rig, provider = run(test())
    assert rig.results().keys() == {"answered", "slow", "waits", "held"}
    assert len({record.value for record in rig.raw_results()["answered"]}) == 1
    assert provider.asked == {"slow": 2, "answered": 1, "held": 1}


def test_a_mark_that_is_missing_means_the_start() -> None:
    """The first owner died before it had settled anything; the second has a call under way when it dies."""

    async def test() -> tuple[Rig, Paced]:
        provider = Paced()
        rig = Rig(FORGETFUL, providers={"east": provider}, fetch_records=1)
        cluster = rig.cluster(delays=(0.0,))
        await cluster.join()
        cluster.submit(ask("first"), "acme")
        cluster.submit(bulk(ask("answered"), far("held")), "acme")
        await until(lambda: len(rig.results()) == 2)
        assert {msgspec.json.decode(one.value or b"")["offset"] for one in rig.broker.topic(CHECKPOINTS.name)} == {0}
        await next_owner(cluster)
        cluster.submit(ask("slow", prompt="takes 60"), "acme")
        await asyncio.sleep(1)
        await next_owner(cluster)
        await cluster.drained()
        nothing_is_held(cluster)
        return rig, provider

    _, provider = run(test())
    assert provider.asked == {"first": 1, "answered": 1, "held": 1, "slow": 2}


def test_a_call_under_way_is_remembered_together_with_the_results_since_its_dispatch() -> None:
    """Behind it in its shard lies a call whose result a second successor must know as well."""

    async def test() -> None:
        provider = Paced()
        rig = Rig(FORGETFUL, providers={"east": provider})
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("slow", prompt="takes 60"), "acme")
        await asyncio.sleep(0.1)
        for number in range(8):  # some of them land in the slow one's shard
            cluster.submit(ask(f"quick{number}"), "acme")
        await asyncio.sleep(0.5)
        await next_owner(cluster)
        await asyncio.sleep(0.5)
        cluster.submit(ask("later"), "acme")
        await asyncio.sleep(0.5)
        worker = await next_owner(cluster)
        await until(lambda: worker.stages.intake._tenancy.states)
        open_calls = {key for state in worker.stages.intake._tenancy.states.values() for key in state.calls._places}
        assert open_calls == {"acme\x00slow"}
        await cluster.drained()
        nothing_is_held(cluster)

    run(test())


def test_a_recovered_call_that_has_ended_is_not_under_way_again() -> None:
    """The successor has written nothing to the call's shard itself, but knows how far it has read there."""

    async def test() -> Paced:
        provider = Paced()
        rig = Rig(FORGETFUL, providers={"east": provider})
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("slow", prompt="takes 3"), "acme")
        await asyncio.sleep(0.5)
        await next_owner(cluster)
        await asyncio.sleep(4)
        cluster.submit(ask("wrong", sampling={"temperature": "hot"}), "acme")
        await asyncio.sleep(0.5)
        await next_owner(cluster)
        await cluster.drained()
        nothing_is_held(cluster)
        return provider

    assert run(test()).asked == {"slow": 2}


def test_as_many_results_are_known_again_as_may_be_asked_for() -> None:
    """More than are remembered in normal times."""

    async def test() -> tuple[Rig, Paced]:
        provider = Paced()
        few = IntakeSettings(known_ids=4, recover_results=1, recover_completions=1)
        rig = Rig(settings(intake=few), providers={"east": provider})
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(far("held"), "acme")
        for number in range(12):
            cluster.submit(ask(f"r{number}", cache={"directive": "bypass"}), "acme")
        await until(lambda: len(rig.results()) == 12)
        await next_owner(cluster)
        await cluster.drained()
        return rig, provider

    rig, provider = run(test())
    assert set(provider.asked.values()) == {1}
    assert all(len({record.value for record in records}) == 1 for records in rig.raw_results().values())


def test_leaving_in_order_repeats_no_call_that_ends_in_time() -> None:
    async def test() -> Rig:
        rig = Rig(settings())
        cluster = rig.cluster()
        worker = await cluster.join()
        for number in range(10):
            cluster.submit(ask(f"r{number}"), "acme")
        await until(lambda: worker.under_way)
        await cluster.leave(worker)
        await cluster.join()
        await cluster.drained()
        return rig

    rig = run(test())
    assert set(rig.statuses().values()) == {"completed"}
    assert len(rig.asked) == 10


def test_a_call_that_outlasts_the_hand_over_is_known_to_be_under_way() -> None:
    async def test() -> tuple[Rig, Paced]:
        provider = Paced()
        rig = Rig(FORGETFUL, providers={"east": provider})
        cluster = rig.cluster()
        worker = await cluster.join()
        cluster.submit(ask("slow", prompt="takes 5"), "acme")
        await asyncio.sleep(1)
        await cluster.leave(worker)
        await cluster.join()
        for name in ("same", "slow"):
            cluster.submit(ask(name, prompt="takes 5"), "acme")
        await cluster.drained()
        return rig, provider

    rig, provider = run(test())
    assert rig.statuses() == {"slow": "completed", "same": "cached"}
    assert provider.asked == {"slow": 2}


def test_a_request_that_everybody_has_forgotten_is_served_when_it_comes_again() -> None:
    async def test() -> Rig:
        rig = Rig(settings(intake=IntakeSettings(known_ids=2)))
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("r1", cache={"directive": "bypass"}), "acme")
        await asyncio.sleep(1)
        for number in range(10):
            cluster.submit(ask(f"wrong{number}", sampling={"temperature": "hot"}), "acme")
        await asyncio.sleep(1)
        cluster.submit(ask("r1", cache={"directive": "bypass"}), "acme")
        cluster.submit(ask("same", prompt="What is r1?"), "acme")
        await cluster.drained()
        return rig

    rig = run(test())
    assert [result["status"] for result in rig.results()["r1"]] == ["completed"] * 2
    assert len(rig.results()["same"]) == 1


def test_a_call_made_twice_is_paid_twice_and_counted_as_superseded() -> None:
    """The completion of a dead worker lands after its successor has looked for it, and has called again."""

    async def test() -> Rig:
        rig = Rig(settings())
        cluster = rig.cluster(delays=(0.005,))
        worker = await cluster.join()
        cluster.submit(ask("r1"), "acme")
        await until(lambda: any(batch.topic == COMPLETIONS.name for batch in worker.log.on_the_way))
        cluster.kill(worker, Event(0, late_seconds=1.0, down_seconds=0.0))
        await asyncio.sleep(1)
        await cluster.drained()
        return rig

    rig = run(test())
    assert rig.statuses() == {"r1": "completed"}
    usages = rig.usages()
    assert [usage.get("superseded", False) for usage in usages] == [False, True]
    assert {usage["id"] for usage in usages} == set(rig.paid()) == {"w1-1", "w2-1"}
    assert {usage["request_id"] for usage in usages} == {"r1"}


def test_a_call_that_a_dead_owner_dispatched_late_is_not_made_again_by_the_next() -> None:
    """The next owner holds the request in its own window when the completion comes."""

    async def test() -> Rig:
        rig = Rig(settings(windows=WindowSettings(bulk_seconds=10)))
        cluster = rig.cluster(delays=(0.005,))
        worker = await cluster.join()
        for name in ("r1", "same"):
            cluster.submit(ask(name, prompt="same", constraints=in_seconds(FAR_SECONDS)), "acme")
        await until(lambda: any(batch.topic == DISPATCH.name for batch in worker.log.on_the_way))
        cluster.kill(worker, Event(0, late_seconds=1.0, down_seconds=0.0))
        await asyncio.sleep(2)
        assert rig.results().keys() == {"r1", "same"}
        await cluster.drained()
        return rig

    rig = run(test())
    assert rig.statuses() == {"r1": "completed", "same": "cached"}
    assert len(rig.asked) == 1


def test_an_idle_partition_does_not_look_behind_after_its_owner_died_before_the_commit() -> None:
    async def test() -> None:
        rig = Rig(settings())
        cluster = rig.cluster()
        worker = await cluster.join()
        cluster.submit(ask("r1", sampling={"temperature": "hot"}), "acme")
        await asyncio.sleep(0.05)
        await worker.deliveries.checkpoint()  # saved, and then it dies
        cluster.kill(worker, Event(0, down_seconds=0.0))
        await cluster.drained()
        assert cluster.lag() == {}

    run(test())


def test_a_take_over_that_is_overtaken_by_the_next_one_leaves_no_trace() -> None:
    async def test() -> Rig:
        rig = Rig(settings())
        cluster = rig.cluster(delays=(0.01,))
        for number in range(20):
            tenant = ("acme", "zeta")[number % 2]
            cluster.submit(ask(f"r{number}", tenant), tenant)
        await cluster.join()
        for _ in range(5):
            await asyncio.sleep(0.03)  # in the middle of reading back
            await cluster.rebalance()
        await cluster.join()
        await cluster.drained()
        return rig

    rig = run(test())
    assert len(rig.results()) == 20
    assert len(rig.asked) == 20
