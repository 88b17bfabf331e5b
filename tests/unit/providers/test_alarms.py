from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import settings as modest
from hypothesis import strategies as st

from agents.providers.alarms import Alarms
from tests.unit.providers.virtual_time import run

INSTANT = 0.01


@modest(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 5), max_size=30))
def test_every_alarm_rings_once_never_early_and_at_most_an_instant_late(delays: list[float]) -> None:
    async def test() -> None:
        rung: dict[int, float] = {}
        loop = asyncio.get_running_loop()
        alarms: Alarms[int] = Alarms(INSTANT)
        for number, delay in enumerate(delays):
            alarms.set(delay, number, lambda n: rung.__setitem__(n, loop.time()))
        await asyncio.sleep(6)
        assert sorted(rung) == list(range(len(delays)))
        for number, delay in enumerate(delays):
            assert delay - 1e-6 <= rung[number] <= delay + INSTANT + 1e-6

    run(test())


def test_a_dropped_alarm_does_not_ring() -> None:
    async def test() -> list[str]:
        rung: list[str] = []
        alarms: Alarms[str] = Alarms(INSTANT)
        instant = alarms.set(1, "a", rung.append)
        alarms.set(1, "b", rung.append)
        alarms.drop(instant, "a")
        await asyncio.sleep(2)
        alarms.drop(instant, "b")  # too late, and harmless
        return rung

    assert run(test()) == ["b"]


def test_an_alarm_may_drop_and_set_others_of_its_own_instant() -> None:
    async def test() -> list[str]:
        rung: list[str] = []
        alarms: Alarms[str] = Alarms(INSTANT)

        def first(item: str) -> None:
            rung.append(item)
            alarms.drop(instant, "b")
            alarms.set(0, "d", rung.append)

        instant = alarms.set(1, "a", first)
        alarms.set(1, "b", rung.append)
        alarms.set(1, "c", rung.append)
        await asyncio.sleep(2)
        return rung

    assert run(test()) == ["a", "c", "d"]


def test_alarms_of_one_instant_share_a_timer() -> None:
    async def test() -> int:
        loop: Any = asyncio.get_running_loop()
        alarms: Alarms[int] = Alarms(INSTANT)
        for number in range(1000):
            alarms.set(1, number, lambda _: None)
        return len(loop._scheduled)

    assert run(test()) == 1
