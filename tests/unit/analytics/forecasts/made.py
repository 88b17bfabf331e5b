"""Series and points made up for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from agents.analytics.forecasts.series import Point, Series
from agents.analytics.forecasts.stamps import Form, read_stamp
from agents.analytics.forecasts.steps import Step

DAILY = Step(seconds=86_400)
MONTHLY = Step(months=1)


def moment(text: str) -> datetime:
    """A moment on a clock of no zone."""
    return datetime.fromisoformat(text)


def series(values: Iterable[float], step: Step = DAILY) -> Series:
    return Series(np.array(list(values), float), moment("2024-01-01"), step, Form("%Y-%m-%d"))


def points(*pairs: tuple[str, float]) -> list[Point]:
    found = []
    for line, (text, value) in enumerate(pairs, 2):
        stamp = read_stamp(text)
        assert stamp is not None
        found.append(Point(stamp, value, f"line {line}"))
    return found


def weekly(count: int, seed: int = 1, noise: float = 4.0) -> list[float]:
    """Usage by day: less at weekends, and slowly more."""
    random = np.random.default_rng(seed)
    days = np.arange(count)
    return list(100 + 0.2 * days - 30 * (days % 7 >= 5) + random.normal(0, noise, count))
