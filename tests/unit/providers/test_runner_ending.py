from __future__ import annotations

import asyncio

import pytest

from agents.providers.protocol import Reply
from agents.providers.scripted import ANSWER, Scripted
from schemas.errors import ProviderOverloaded
from tests.unit.providers.calls import Bench, call, settings
from tests.unit.providers.virtual_time import START, clock, run

BUSY = ProviderOverloaded("provider_overloaded", "status 500")


async def late(seconds: float) -> Reply:
    await asyncio.sleep(seconds)
    return ANSWER


def test_draining_lets_calls_under_way_end_and_starts_no_other() -> None:
    async def test() -> None:
        provider = Scripted([late(1), late(2)])
        bench = Bench({"main": provider}, {"main": settings(max_in_flight=2)})
        bench.submit(*(call(name) for name in "abcd"))
        assert sorted(await bench.runner.drain(5)) == ["c", "d"]
        assert bench.done == ["a", "b"]
        assert clock() == START + 2
        assert len(provider.asked) == 2
        assert bench.runner.outstanding == 0

    run(test())


def test_draining_repeats_no_failed_attempt_and_holds_new_calls_back() -> None:
    async def fails() -> Reply:
        await asyncio.sleep(1)
        raise BUSY

    async def test() -> None:
        provider = Scripted([fails(), late(2)])
        bench = Bench({"main": provider})
        bench.submit(call("fails"), call("slow"))
        draining = asyncio.ensure_future(bench.runner.drain(5))
        await asyncio.sleep(0)
        bench.submit(call("new"))
        assert sorted(await draining) == ["fails", "new"]
        assert bench.done == ["slow"]
        assert len(provider.asked) == 2

    run(test())


def test_what_does_not_end_in_time_is_abandoned(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([late(60)])})
        bench.submit(call())
        assert await bench.runner.drain(5) == ["r1"]
        assert clock() == START + 5
        await bench.runner.close()
        assert bench.completions == []
        assert bench.runner.in_flight("main") == 0

    run(test())
    assert "still under way" in caplog.text


def test_a_runner_works_on_after_draining() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted()})
        assert await bench.runner.drain(5) == []
        await bench.finish(call())
        assert bench.done == ["r1"]

    run(test())


def test_cancelling_abandons_calls_in_every_state() -> None:
    async def test() -> None:
        provider = Scripted([BUSY, late(60)])
        bench = Bench({"main": provider}, {"main": settings(max_in_flight=1)})
        bench.submit(call("paused"), call("under way"), call("queued", deadline=START + 1))
        assert sorted(bench.runner.cancel_all()) == ["paused", "queued", "under way"]
        assert bench.runner.outstanding == bench.runner.backlog("main") == 0
        await asyncio.sleep(120)
        assert bench.completions == []
        assert len(provider.asked) == 2
        await bench.finish(call("after"))
        assert bench.done == ["after"]

    run(test())


def test_closing_closes_the_providers() -> None:
    async def test() -> None:
        provider = Scripted([late(60)])
        bench = Bench({"main": provider})
        bench.submit(call())
        await bench.runner.close()
        assert provider.closed
        assert bench.runner.outstanding == 0

    run(test())
