from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.analytics.anomalies.counts import LEAST_SQUARED_ERROR, SQUARED_ERROR, TOGETHER, Counts
from agents.analytics.anomalies.deviation import DeviationDetector
from agents.analytics.anomalies.episodes import OPENS

MINUTE = 60.0
some_counts = st.lists(st.tuples(st.integers(0, 3_000), st.floats(0, 3_000)), min_size=1, max_size=TOGETHER)


def certain() -> Counts:
    """Counts of which the forecasts have been right to a few percent."""
    return Counts(sums=(LEAST_SQUARED_ERROR / 2 * 1e6, 1e6))


@given(some_counts)
def test_both_chances_are_chances_and_one_of_them_is_large(last: list[tuple[float, float]]) -> None:
    many, few = Counts().rareness(last)
    assert many >= 0
    assert few >= 0
    assert min(many, few) <= -math.log10(0.5) + 1e-9


@given(some_counts, st.integers(1, 500))
def test_more_events_are_rarer_as_many_and_commoner_as_few(last: list[tuple[float, float]], more: int) -> None:
    many, few = Counts().rareness(last)
    fewer = [*last[:-1], (last[-1][0] + more, last[-1][1])]
    assert Counts().rareness(fewer)[0] >= many - 1e-9
    assert Counts().rareness(fewer)[1] <= few + 1e-9


@pytest.mark.parametrize("expected", [0.4, 2.0, 8.0])
def test_silence_is_as_rare_as_poisson_says_where_forecasts_are_sure(expected: float) -> None:
    last = [(0.0, expected)] * TOGETHER
    _, few = certain().rareness(last)
    assert few == pytest.approx(TOGETHER * expected / math.log(10), rel=0.03)


def test_an_unsure_forecast_makes_the_same_count_less_rare() -> None:
    last = [(300.0, 200.0)] * TOGETHER
    assert Counts().rareness(last)[0] < certain().rareness(last)[0] / 3


def test_the_squared_error_of_forecasts_is_learned() -> None:
    noise = random.Random(3)
    counts = Counts()
    for _ in range(4_000):
        mean = 2_000 * math.exp(noise.gauss(0, 0.3))
        counts.learn(*counts.lesson([(round(noise.gauss(mean, math.sqrt(mean))), 2_000.0)]))
    squared, weight = counts.sums
    assert squared / weight == pytest.approx(0.3**2, rel=0.35)
    last = [(1_400.0, 2_000.0)]
    assert counts.rareness(last)[1] < Counts().rareness(last)[1]


def test_few_expected_events_teach_nothing() -> None:
    assert Counts().lesson([(3.0, 0.5)] * TOGETHER) == (0.0, 0.0)
    assert SQUARED_ERROR > LEAST_SQUARED_ERROR


def test_only_the_last_minutes_are_kept() -> None:
    counts = Counts()
    for number in range(9):
        counts.last = counts.with_one(float(number), 0.0)
    assert [count for count, _ in counts.last] == [4, 5, 6, 7, 8]
    assert Counts.restored(json.loads(json.dumps(counts.state()))).last == counts.last


def test_silence_of_a_small_organization_is_stranger_when_events_are_counted() -> None:
    """Three a minute: a minute without any is nothing, five are told by chance rather than by the past."""
    noise = random.Random(8)
    scores = {}
    for counts in (True, False):
        detector = DeviationDetector(counts=counts)
        for minute in range(3_000):
            detector.learn_one(minute * MINUTE, float(sum(noise.random() < 0.03 for _ in range(100))))
        for minute in range(3_000, 3_006):
            scores[counts] = detector.score_one(minute * MINUTE, 0.0)
            detector.learn_one(minute * MINUTE, 0.0)
    assert scores[True] > OPENS > scores[False]
