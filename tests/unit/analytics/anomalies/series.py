"""Series for tests."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from agents.analytics.anomalies.protocol import Detector

MINUTE = 60.0
FIVE_MINUTES = 300.0
DAY = 86_400.0

Points = Sequence[tuple[float, float]]

values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(min_value=-10, max_value=10),
    st.sampled_from([0.0, 1.0, 5.0]),
)
steps = st.sampled_from([0.0, 1.0, MINUTE, FIVE_MINUTES, 3_600.0, DAY, -MINUTE])


@st.composite
def series(draw: st.DrawFn, longest: int = 120) -> list[tuple[float, float]]:
    """Draw points of any value, in order of time for the most part, as late ones are not."""
    at, found = draw(st.sampled_from([0.0, 1.4e9])), []
    for value in draw(st.lists(values, max_size=longest)):
        at += draw(steps)
        found.append((at, value))
    return found


def noise(count: int, seed: int = 1, every: float = FIVE_MINUTES) -> list[tuple[float, float]]:
    """Return normal values around 100."""
    drawn = np.random.default_rng(seed).normal(100, 5, count)
    return [(number * every, float(value)) for number, value in enumerate(drawn)]


def daily(days: int, seed: int = 1, every: float = FIVE_MINUTES) -> list[tuple[float, float]]:
    """Return a daily rhythm between 20 and 180 with some noise."""
    drawn = np.random.default_rng(seed).normal(0, 3, int(days * DAY / every))
    return [
        (number * every, 100 - 80 * math.cos(2 * math.pi * number * every / DAY) + float(value))
        for number, value in enumerate(drawn)
    ]


def scores(detector: Detector, points: Points) -> list[float]:
    """Return the score of each point when it comes."""
    found = []
    for at, value in points:
        found.append(detector.score_one(at, value))
        detector.learn_one(at, value)
    return found


def carried(state: Any) -> Any:
    """Return what is left of a state after a restart: what JSON carries."""
    return json.loads(json.dumps(state))
