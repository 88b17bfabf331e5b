from __future__ import annotations

from agents.analytics.anomalies.deviation import DeviationDetector
from agents.analytics.anomalies.episodes import Episode, Episodes
from tests.unit.analytics.anomalies.series import DAY, FIVE_MINUTES, Points, daily

PER_DAY = int(DAY / FIVE_MINUTES)
NOON = PER_DAY // 2
DAYS = 12
TAUGHT = 4
"""Days in which it learns that there are mornings."""


def raised(points: Points, start: int, times: float, count: int = 12) -> list[tuple[float, float]]:
    found = list(points)
    found[start : start + count] = [(at, value * times) for at, value in found[start : start + count]]
    return found


def episodes_of(points: Points) -> list[Episode]:
    detector, episodes, found = DeviationDetector(), Episodes(), []
    for at, value in points:
        expected = detector.judge(at, value).expected
        found.append(episodes.add(at, value, detector.score_one(at, value), expected))
        detector.learn_one(at, value)
    return [each for each in found if each is not None and each.start >= TAUGHT * DAY]


def test_usual_days_are_no_episodes() -> None:
    assert episodes_of(daily(DAYS)) == []


def test_an_incident_is_one_episode_with_what_was_expected() -> None:
    start = 9 * PER_DAY + NOON
    opened, ended = episodes_of(raised(daily(DAYS), start, 2))
    assert not opened.over
    assert opened.start == start * FIVE_MINUTES
    assert ended.start == opened.start
    assert ended.over
    assert start * FIVE_MINUTES <= ended.end <= (start + 20) * FIVE_MINUTES
    assert ended.low < 180 < ended.high < ended.value


def test_the_same_incident_is_found_every_day() -> None:
    points: Points = daily(DAYS)
    starts = [day * PER_DAY + NOON + 30 * (day - 8) for day in range(7, 11)]
    for start in starts:
        points = raised(points, start, 2)
    opened = [each.start for each in episodes_of(points) if not each.over]
    assert len(opened) == len(starts)
    for start, found in zip(starts, opened, strict=True):
        assert 0 <= found - start * FIVE_MINUTES <= 2 * FIVE_MINUTES


def test_silence_by_day_is_an_episode_and_by_night_it_is_not() -> None:
    by_day, by_night = 9 * PER_DAY + NOON, 9 * PER_DAY
    assert episodes_of(raised(daily(DAYS), by_day, 0))
    low = [(at, value - 20) for at, value in daily(DAYS)]
    assert episodes_of(raised(low, by_night, 0, 3)) == []


def test_a_new_level_is_a_few_episodes_and_then_usual() -> None:
    shift = 6 * DAY + DAY / 2
    points = [(at, value * (3 if at >= shift else 1)) for at, value in daily(16)]
    found = [each for each in episodes_of(points) if not each.over]
    assert shift <= found[0].start <= shift + 3 * FIVE_MINUTES
    assert len(found) <= 4
    assert found[-1].start < shift + 5 * DAY
