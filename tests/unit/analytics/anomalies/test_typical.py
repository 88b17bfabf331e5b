from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.analytics.anomalies.typical import FEWEST, NONE, Logs, TypicalDetector

COST, SPREAD = 0.004, 1.2
minutes = st.lists(st.lists(st.floats(-12, 3), max_size=12), max_size=60)


def logs_of(logarithms: list[float]) -> Logs:
    return Logs(len(logarithms), math.fsum(logarithms), math.fsum(each * each for each in logarithms))


def usage(noise: random.Random, calls: int, times: float = 1.0) -> Logs:
    return logs_of([noise.gauss(math.log(COST * times), SPREAD) for _ in range(calls)])


def taught(noise: random.Random, calls: int, count: int = 3_000) -> TypicalDetector:
    detector = TypicalDetector()
    for _ in range(count):
        detector.learn_one(usage(noise, calls))
    return detector


def test_three_times_as_dear_calls_are_strange_within_five_minutes_though_they_are_few() -> None:
    noise = random.Random(5)
    detector = taught(noise, 8)
    assert detector.score_one(usage(noise, 8)) < 0.5
    for _ in range(4):
        detector.learn_one(usage(noise, 8, 3.0))
    judged = detector.judge(usage(noise, 8, 3.0))
    assert detector.score_one(usage(noise, 8, 3.0)) > 0.72
    assert judged.expected is not None
    assert judged.expected.mean == pytest.approx(COST, rel=0.1)
    assert judged.value == pytest.approx(3 * COST, rel=0.5)


def test_a_single_dear_call_is_not() -> None:
    noise = random.Random(6)
    detector = taught(noise, 8)
    dear = usage(noise, 7).plus(logs_of([math.log(1_000 * COST)]))
    assert detector.score_one(dear) < 0.72


def test_more_calls_at_the_usual_cost_are_not() -> None:
    noise = random.Random(7)
    detector = taught(noise, 8)
    for _ in range(5):
        assert detector.score_one(usage(noise, 400)) < 0.72
        detector.learn_one(usage(noise, 400))


def test_an_incident_does_not_teach_what_is_usual() -> None:
    noise = random.Random(9)
    detector = taught(noise, 20)
    for _ in range(60):
        detector.learn_one(usage(noise, 20, 5.0))
    expected = detector.judge(NONE).expected
    assert expected is not None
    assert expected.mean == pytest.approx(COST, rel=0.1)


def test_nothing_is_usual_before_there_are_enough_calls() -> None:
    detector = TypicalDetector()
    for _ in range(FEWEST - 1):
        assert detector.judge(logs_of([0.0])).expected is None
        detector.learn_one(logs_of([0.0]))
    detector.learn_one(logs_of([0.0]))
    assert detector.judge(logs_of([0.0])).expected is not None


def test_without_a_call_in_the_last_minutes_there_is_no_value() -> None:
    assert TypicalDetector().judge(NONE).value is None


@settings(max_examples=60, deadline=None)
@given(minutes, st.integers(0, 60))
def test_a_restart_changes_no_score(found: list[list[float]], cut: int) -> None:
    points = [logs_of(each) for each in found]
    whole = scores(TypicalDetector(), points)
    first = TypicalDetector()
    scores(first, points[:cut])
    again = TypicalDetector.restored(json.loads(json.dumps(first.state())))
    assert scores(again, points[cut:]) == whole[cut:]
    assert all(0 <= each <= 1 for each in whole)


def scores(detector: TypicalDetector, points: list[Logs]) -> list[float]:
    found = []
    for logs in points:
        found.append(detector.score_one(logs))
        detector.learn_one(logs)
    return found
