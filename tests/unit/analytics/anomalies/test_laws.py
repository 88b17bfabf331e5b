"""What holds of every detector, whatever the series."""

from __future__ import annotations

from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.analytics.anomalies.deviation import DeviationDetector
from agents.analytics.anomalies.onsets import Onsets
from agents.analytics.anomalies.surprise import SurpriseDetector
from tests.unit.analytics.anomalies.series import FIVE_MINUTES, Points, carried, noise, scores, series

Kind: TypeAlias = type[SurpriseDetector] | type[DeviationDetector] | type[Onsets]

every_detector = pytest.mark.parametrize("kind", [SurpriseDetector, DeviationDetector, Onsets])
some = settings(max_examples=60, deadline=None)


@every_detector
@some
@given(points=series())
def test_scores_are_between_0_and_1(kind: Kind, points: Points) -> None:
    assert all(0 <= score <= 1 for score in scores(kind(), points))


@every_detector
@some
@given(points=series(), other=series(), cut=st.integers(0, 120))
def test_what_follows_changes_no_score(kind: Kind, points: Points, other: Points, cut: int) -> None:
    before = points[:cut]
    assert scores(kind(), points)[:cut] == scores(kind(), [*before, *other])[: len(before)]


@every_detector
@some
@given(points=series(), cut=st.integers(0, 120))
def test_a_restart_changes_no_score(kind: Kind, points: Points, cut: int) -> None:
    whole = scores(kind(), points)
    first = kind()
    scores(first, points[:cut])
    again = kind.restored(carried(first.state()))
    assert scores(again, points[cut:]) == whole[cut:]


@every_detector
@some
@given(points=series(60), asked=series(5))
def test_asking_changes_nothing(kind: Kind, points: Points, asked: Points) -> None:
    detector = kind()
    found = []
    for at, value in points:
        for other in asked:
            detector.score_one(*other)
        found.append(detector.score_one(at, value))
        for other in asked:
            detector.score_one(*other)
        detector.learn_one(at, value)
    assert found == scores(kind(), points)


def size(state: object) -> int:
    if isinstance(state, dict):
        return sum(size(each) for each in state.values())
    if isinstance(state, list):
        return sum(size(each) for each in state)
    return 1


@every_detector
def test_what_is_kept_is_bounded(kind: Kind) -> None:
    detector = kind()
    points = noise(9_000, every=3 * FIVE_MINUTES)
    scores(detector, points[:6_000])
    kept = size(carried(detector.state()))
    scores(detector, points[6_000:])
    assert size(carried(detector.state())) <= kept + 5
    assert kept < 5_000
