"""Taking grades into the predictor while it is in use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from agents.routing.learning.predictor import Grade
from schemas.errors import WarehouseError, WarehouseUnavailable

logger = logging.getLogger(__name__)

AT_ONCE = 25
"""Grades learned between two turns of the loop: some milliseconds."""


class Grades(Protocol):
    """Where grades come from."""

    async def new(self) -> list[Grade]:
        """Return grades not returned before; empty when there are none at present."""
        ...


class Learner(Protocol):
    """A predictor that takes in grades."""

    @property
    def models(self) -> tuple[str, ...]:
        """The models it knows."""
        ...

    def learn(self, grades: Sequence[Grade]) -> None:
        """Take in grades; takes effect at once and in any order."""
        ...


class Sharpening:
    """Looks for new grades every now and then, beside the requests.

    Args:
        grades: Where they come from.
        learner: What learns from them.
        seconds: Between two looks.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        grades: Grades,
        learner: Learner,
        seconds: float,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._grades = grades
        self._learner = learner
        self._seconds = seconds
        self._pause = pause

    async def follow(self) -> None:
        """Learn from grades as they come, for ever. An archive that is away is asked again later."""
        while True:
            try:
                await self.look()
            except (WarehouseError, WarehouseUnavailable) as away:
                logger.warning("cannot read grades; trying again", extra={"problem": str(away)})
            await self._pause(self._seconds)

    async def look(self) -> int:
        """Learn from all grades there are; return how many taught something.

        Grades of models that were not fitted teach nothing.

        Raises:
            WarehouseUnavailable: The archive is away.
            WarehouseError: Its tables are missing.
        """
        learned = 0
        while found := await self._grades.new():
            known = [grade for grade in found if grade.model in self._learner.models]
            for start in range(0, len(known), AT_ONCE):
                self._learner.learn(known[start : start + AT_ONCE])
                await asyncio.sleep(0)
            learned += len(known)
        if learned:
            logger.info("learned from grades", extra={"grades": learned})
        return learned
