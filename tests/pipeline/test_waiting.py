"""What is kept back: windows, identical requests, capacity."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.providers.protocol import Reply
from agents.providers.scripted import Scripted
from schemas.errors import ProviderRefused
from schemas.settings import ProviderSettings, WindowSettings, WorkerSettings
from schemas.wire import Answer, Tokens
from tests.pipeline.rig import Rig, ask, serve, settings
from tests.pipeline.traffic import FAR_SECONDS, in_seconds
from tests.unit.providers.virtual_time import run

COMMON = settings()
BULK_SECONDS = 30.0


def far(name: str, **fields: Any) -> bytes:
    return ask(name, constraints=in_seconds(FAR_SECONDS), **fields)


def bulk(size: int = 100) -> WindowSettings:
    return WindowSettings(bulk_size=size, bulk_seconds=BULK_SECONDS)


def test_a_request_with_time_waits_in_the_bulk_window_and_the_urgent_one_does_not() -> None:
    rig = serve(Rig(settings(windows=bulk())), far("slow"), ask("quick"))
    slow, quick = rig.results()["slow"][0], rig.results()["quick"][0]
    assert (slow["status"], slow["lane"]) == ("completed", "bulk")
    assert slow["stages_ms"]["windows"] == pytest.approx(BULK_SECONDS * 1000, abs=100)
    assert (quick["lane"], quick["stages_ms"]["windows"]) == ("interactive", 0)


def test_a_full_window_does_not_wait() -> None:
    rig = serve(Rig(settings(windows=bulk(size=3))), *(far(f"r{number}") for number in range(4)))
    waits = sorted(result["stages_ms"]["windows"] for [result] in rig.results().values())
    assert waits[:3] == pytest.approx([0, 0, 0], abs=50)
    assert waits[3] == pytest.approx(BULK_SECONDS * 1000, abs=100)


def test_a_request_in_a_window_is_served_after_the_worker_was_killed() -> None:
    async def test() -> Rig:
        rig = Rig(settings(windows=bulk()))
        cluster = rig.cluster()
        worker = await cluster.join()
        cluster.submit(far("r1"), "acme")
        await asyncio.sleep(5)
        worker.die()
        cluster.workers.remove(worker)
        await cluster.join()
        await cluster.drained()
        return rig

    rig = run(test())
    assert rig.statuses() == {"r1": "completed"}
    assert len(rig.asked) == 1


def leader_and_two(first: Any) -> tuple[Rig, Scripted]:
    """Return what came of three identical requests whose first call ends like this."""
    provider = Scripted([first])
    quick = settings(providers={"east": ProviderSettings(kind="simulated", attempts=1)})
    rig = Rig(quick, providers={"east": provider})
    explicit = {"prompt": "same", "mode": "explicit", "model": "small"}
    return serve(rig, *(ask(f"r{number}", **explicit) for number in range(3))), provider


def test_who_waited_fails_with_the_one_they_waited_for() -> None:
    rig, provider = leader_and_two(ProviderRefused("provider_refused", "no"))
    assert set(rig.statuses().values()) == {"failed"}
    assert {result["error"]["code"] for [result] in rig.results().values()} == {"provider_refused"}
    assert len(provider.asked) == 1


def test_an_answer_not_worth_keeping_still_serves_who_waited_for_it() -> None:
    filtered = Reply(Answer("...", None, "content_filter"), Tokens(1, 0, 1))
    rig, provider = leader_and_two(filtered)
    assert sorted(rig.statuses().values()) == ["cached", "cached", "completed"]
    assert len(provider.asked) == 1


def test_the_next_in_line_leads_when_the_leaders_own_deadline_passes() -> None:
    async def test() -> tuple[Rig, Scripted]:
        never: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        provider = Scripted([never])
        rig = Rig(COMMON, providers={"east": provider})
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("hasty", prompt="same", constraints=in_seconds(2)), "acme")
        await asyncio.sleep(0.1)
        for name in ("patient", "third"):
            cluster.submit(ask(name, prompt="same"), "acme")
        await cluster.drained()
        return rig, provider

    rig, provider = run(test())
    assert rig.statuses() == {"hasty": "expired", "patient": "completed", "third": "cached"}
    assert [name for name, _, _ in provider.asked] == ["hasty", "patient"]
    assert rig.results()["patient"][0]["stages_ms"]["cache"] == pytest.approx(1_900, abs=60)


def test_the_next_in_line_leads_when_routing_finds_nothing_for_the_first() -> None:
    cheap = {"max_cost_usd": "0.0000001"}
    rig = serve(Rig(COMMON), ask("miser", prompt="same", constraints=cheap), *(ask(n, prompt="same") for n in "ab"))
    assert rig.statuses() == {"miser": "rejected", "a": "completed", "b": "cached"}


def test_nobody_waits_for_a_request_that_bypasses_the_cache() -> None:
    bypass = ask("r1", prompt="same", cache={"directive": "bypass"})
    rig = serve(Rig(COMMON), bypass, ask("r2", prompt="same"))
    assert rig.statuses() == {"r1": "completed", "r2": "completed"}


def test_a_worker_holds_no_more_requests_than_it_may() -> None:
    async def test() -> tuple[int, Rig]:
        rig = Rig(settings(worker=WorkerSettings(max_outstanding=10)), fetch_records=4)
        cluster = rig.cluster(delays=(0.002,))
        worker = await cluster.join()
        most = 0
        for number in range(100):
            cluster.submit(ask(f"r{number}"), "acme")
        while cluster.lag():
            intake, calls = worker.stages.intake._capacity.used, worker.stages.calls._capacity.used
            most = max(most, intake, calls)
            await asyncio.sleep(0.001)
        await cluster.drained()
        return most, rig

    most, rig = run(test())
    assert len(rig.statuses()) == 100
    assert 10 <= most < 10 + 10 * 4  # what is there, and one delivery: up to ten messages of one dispatch of four


def test_waiting_requests_do_not_use_up_the_capacity_of_the_next_owner() -> None:
    """Each rebalance drops what waits, and reads it again: that must not count twice."""

    async def test() -> Rig:
        never = [asyncio.get_running_loop().create_future() for _ in range(4)]
        limited = settings(worker=WorkerSettings(max_outstanding=6, drain_seconds=0.01))
        rig = Rig(limited, providers={"east": Scripted(never)})
        cluster = rig.cluster()
        worker = await cluster.join()
        for number in range(5):
            cluster.submit(ask(f"r{number}", prompt="same"), "acme")
        for _ in range(4):
            await asyncio.sleep(1)
            await cluster.rebalance()
        await cluster.drained()
        assert worker.stages.intake._capacity.used == 0
        return rig

    rig = run(test())
    assert sorted(rig.statuses().values()) == ["cached"] * 4 + ["completed"]


def test_times_add_up() -> None:
    rig = serve(Rig(COMMON), ask("r1"))
    [result] = rig.results()["r1"]
    assert sum(result["stages_ms"].values()) == pytest.approx(result["latency_ms"], abs=0.5)
