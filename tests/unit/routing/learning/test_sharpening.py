from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from agents.routing.learning.agent import AT_ONCE, Sharpening
from agents.routing.learning.predictor import Grade
from schemas.errors import WarehouseError, WarehouseUnavailable

GRADE = Grade("What?", "known", 1.0)


class Scripted:
    """Gives these grades, one list per call, then none; raises what is an error."""

    def __init__(self, *calls: list[Grade] | Exception) -> None:
        self._calls = iter(calls)

    async def new(self) -> list[Grade]:
        found = next(self._calls, [])
        if isinstance(found, Exception):
            raise found
        return found


class Learning:
    models = ("known",)

    def __init__(self) -> None:
        self.learned: list[int] = []

    def learn(self, grades: Sequence[Grade]) -> None:
        assert {grade.model for grade in grades} == {"known"}
        self.learned.append(len(grades))


async def test_all_grades_there_are_are_learned_a_few_at_a_time() -> None:
    learner = Learning()
    grades = Scripted([GRADE] * (AT_ONCE + 2), [Grade("Who?", "stranger", 0.0)], [GRADE], [])
    assert await Sharpening(grades, learner, 1.0).look() == AT_ONCE + 3
    assert learner.learned == [AT_ONCE, 2, 1]


async def test_an_archive_that_is_away_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    learner = Learning()
    grades = Scripted(WarehouseUnavailable("away"), WarehouseError("no tables"), [GRADE])
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)
        if learner.learned:
            await asyncio.Event().wait()

    following = asyncio.ensure_future(Sharpening(grades, learner, 7.0, pause).follow())
    with caplog.at_level(logging.INFO):
        for _ in range(20):
            await asyncio.sleep(0)
    following.cancel()
    assert learner.learned == [1]
    assert waited == [7.0, 7.0, 7.0]
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["cannot read grades; trying again"] * 2 + ["learned from grades"]
