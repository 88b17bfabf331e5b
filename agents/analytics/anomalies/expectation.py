"""What comes next, by whichever of some simple forecasts has been best lately, and how far off it usually is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from agents.analytics.anomalies.season import Season
from agents.analytics.anomalies.spread import ErrorLine

DAY_SLOTS, WEEK_SLOTS = 48, 336
DAYS, WEEKS = 7, 3
FEWEST_DAYS, FEWEST_WEEKS = 2, 1
LEVEL_KEPT = math.exp(-1 / 60)
"""The level that a season is fitted to is that of the last 60 points or so."""
ERROR_KEPT = math.exp(-1 / 300)
"""A forecast is chosen by its errors at the last 300 points or so."""
WIDEST = 10.0
"""A season is stretched by this at most."""
FEWEST = 10


@dataclass(slots=True)
class Fading:
    """A mean in which what is older counts less."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, number: float, kept: float) -> None:
        """Take a number into account; those before it keep `kept` of their weight."""
        self.total = kept * self.total + number
        self.weight = kept * self.weight + 1

    def mean(self, otherwise: float = math.inf) -> float:
        """Return the mean, or `otherwise` before the first number."""
        return self.total / self.weight if self.weight else otherwise


@dataclass(slots=True)
class Course:
    """One way to forecast from a season: shifted or stretched to where the series is now.

    Attributes:
        weekly: Whether the season is the week's, else the day's.
        stretched: Whether it is stretched, as growing traffic is, else shifted.
        usual: What the season said lately.
        error: How far off the forecasts were lately.
    """

    weekly: bool
    stretched: bool
    usual: Fading = field(default_factory=Fading)
    error: Fading = field(default_factory=Fading)

    def forecast(self, season: float, level: float) -> float:
        """Return what comes next if the season says `season` and the series is at `level`."""
        usual = self.usual.mean(season)
        if not self.stretched:
            return season + level - usual
        if level <= 0 or usual <= 0:
            return season
        return season * min(max(level / usual, 1 / WIDEST), WIDEST)


@dataclass(frozen=True, slots=True)
class Expected:
    """What to expect of one point, and how far off is usual."""

    mean: float
    spread: float


class Expectation:
    """Forecasts the next point from the level alone, from the day, shifted or stretched, and from the week.

    Which of them is chosen is up to the series: one without a daily rhythm is forecast by its level.
    """

    def __init__(self) -> None:
        self._day = Season(DAY_SLOTS, DAYS, FEWEST_DAYS)
        self._week = Season(WEEK_SLOTS, WEEKS, FEWEST_WEEKS)
        self._level = Fading()
        self._level_error = Fading()
        self._courses = [Course(False, False), Course(False, True), Course(True, True)]
        self._spread = ErrorLine()
        self._seen = 0
        self._asked: tuple[float, list[tuple[Course, float | None]]] | None = None

    def expected(self, at: float) -> Expected | None:
        """Return what to expect, or None if hardly anything is known yet."""
        if self._seen < FEWEST:
            return None
        level = self._level.mean()
        best, mean = self._level_error.mean(), level
        for course, season in self._seasons(at):
            if season is not None and course.error.mean() < best:
                best, mean = course.error.mean(), course.forecast(season, level)
        return Expected(mean, self._spread.at(mean))

    def add(self, at: float, value: float) -> None:
        """Take a point into account."""
        expected = self.expected(at)
        if expected is not None:
            self._spread.add(expected.mean, abs(value - expected.mean))
        level = self._level.mean(value)
        self._level_error.add(abs(value - level), ERROR_KEPT)
        for course, season in self._seasons(at):
            if season is not None:
                course.error.add(abs(value - course.forecast(season, level)), ERROR_KEPT)
                course.usual.add(season, LEVEL_KEPT)
        self._level.add(value, LEVEL_KEPT)
        self._day.add(at, value)
        self._week.add(at, value)
        self._seen += 1
        self._asked = None

    def _seasons(self, at: float) -> list[tuple[Course, float | None]]:
        if self._asked is None or self._asked[0] != at:
            day, week = self._day.expected(at), self._week.expected(at)
            self._asked = at, [(course, week if course.weekly else day) for course in self._courses]
        return self._asked[1]

    def state(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "day": self._day.state(),
            "week": self._week.state(),
            "level": asdict(self._level),
            "level_error": asdict(self._level_error),
            "courses": [{"usual": asdict(each.usual), "error": asdict(each.error)} for each in self._courses],
            "spread": self._spread.state(),
            "seen": self._seen,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return what `state` was taken from."""
        found = cls()
        found._day, found._week = Season.restored(state["day"]), Season.restored(state["week"])
        found._level, found._level_error = Fading(**state["level"]), Fading(**state["level_error"])
        for course, kept in zip(found._courses, state["courses"], strict=True):
            course.usual, course.error = Fading(**kept["usual"]), Fading(**kept["error"])
        found._spread = ErrorLine.restored(state["spread"])
        found._seen = state["seen"]
        return found
