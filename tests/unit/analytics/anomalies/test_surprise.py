from __future__ import annotations

import pytest

from agents.analytics.anomalies.onsets import Onsets
from agents.analytics.anomalies.surprise import SurpriseDetector
from tests.unit.analytics.anomalies.series import DAY, FIVE_MINUTES, Points, daily, noise, scores

STRANGE = 0.8
USUAL = 0.75
PER_DAY = int(DAY / FIVE_MINUTES)


def changed(points: Points, at: slice, to: float) -> list[tuple[float, float]]:
    found = list(points)
    found[at] = [(when, to) for when, _ in found[at]]
    return found


def test_a_spike_is_strange() -> None:
    found = scores(SurpriseDetector(), changed(noise(1_000), slice(800, 801), 200))
    assert max(found[200:800]) < USUAL
    assert found[800] > STRANGE


def test_a_drop_is_strange() -> None:
    found = scores(SurpriseDetector(), changed(noise(1_000), slice(800, 805), 0))
    assert max(found[800:805]) > STRANGE


def test_a_value_that_is_usual_at_another_time_of_the_day_is_strange() -> None:
    noon, midnight = 9 * PER_DAY + PER_DAY // 2, 20.0
    points = daily(10)
    found = scores(SurpriseDetector(), changed(points, slice(noon, noon + 12), midnight))
    assert max(found[4 * PER_DAY : noon]) < USUAL
    assert max(found[noon : noon + 12]) > STRANGE


def test_silence_in_a_noisy_series_is_strange() -> None:
    found = scores(SurpriseDetector(), changed(noise(1_500), slice(1_000, 1_100), 100))
    assert max(found[1_000:1_100]) > STRANGE


def test_a_new_level_is_strange_once_and_then_usual() -> None:
    points = noise(3_000)
    shifted = [(at, value + 60 * (number >= 1_000)) for number, (at, value) in enumerate(points)]
    found = scores(SurpriseDetector(), shifted)
    assert max(found[1_000:1_005]) > STRANGE
    assert max(found[1_400:]) < USUAL


@pytest.mark.parametrize("value", [0.0, 45.0, -1e9, 1e-12])
def test_a_constant_series_is_never_strange(value: float) -> None:
    points = [(number * FIVE_MINUTES, value) for number in range(600)]
    assert max(scores(SurpriseDetector(), points)) == 0


def test_a_constant_series_that_moves_is_strange() -> None:
    points = [(number * FIVE_MINUTES, 45.0 + (number == 500)) for number in range(600)]
    found = scores(SurpriseDetector(), points)
    assert found[500] > STRANGE


def test_lone_requests_in_a_sparse_series_become_usual() -> None:
    points = [(number * FIVE_MINUTES, float(number % 97 == 0)) for number in range(3_000)]
    assert max(scores(SurpriseDetector(), points)[1_000:]) < USUAL


def test_an_episode_is_passed_on_once() -> None:
    points = changed(noise(1_500), slice(1_000, 1_050), 200)
    raw, passed_on = scores(SurpriseDetector(), points), scores(Onsets(), points)
    strange = [place for place, score in enumerate(raw) if score > STRANGE]
    assert len(strange) > 5
    assert next(place for place in strange if passed_on[place] > STRANGE) == strange[0]
    assert sum(score > STRANGE for score in passed_on) <= 3  # as it gets stranger
    assert all(score in (0, before) for score, before in zip(passed_on, raw, strict=True))


def test_a_second_episode_is_passed_on_again() -> None:
    points = changed(changed(noise(3_000), slice(1_000, 1_010), 200), slice(2_500, 2_510), 260)
    found = scores(Onsets(), points)
    assert max(found[1_000:1_010]) > STRANGE
    assert max(found[2_500:2_510]) > STRANGE
