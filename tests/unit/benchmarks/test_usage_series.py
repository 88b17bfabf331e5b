from __future__ import annotations

import numpy as np
import pytest

from benchmarks.usage_series import (
    COST,
    COST_SPREAD,
    KINDS,
    MINUTES_OF_DAY,
    Incident,
    Organization,
    expected_requests,
    incident_of,
    usage,
)

ORGANIZATION = Organization(peak=100, night=0.1, weekend=0.3, growth=0.05, noon=13)
NOON = 13 * 60
START = 2 * MINUTES_OF_DAY + NOON


def test_a_week_has_days_nights_and_a_weekend_and_grows() -> None:
    rate = expected_requests(ORGANIZATION, 14 * MINUTES_OF_DAY)
    assert rate[NOON] == pytest.approx(100, rel=0.01)
    assert rate[60] < 20
    assert rate[5 * MINUTES_OF_DAY + NOON] == pytest.approx(0.3 * rate[4 * MINUTES_OF_DAY + NOON], rel=0.02)
    assert rate[7 * MINUTES_OF_DAY + NOON] == pytest.approx(1.05 * rate[NOON])
    assert np.max(np.abs(np.diff(rate))) < 2


@pytest.mark.parametrize(
    ("kind", "requests", "spend"),
    [("dear_model", 1, 3), ("runaway_user", 3, 3), ("retry_loop", 3, 1.25), ("silent_drop", 0, 0)],
)
def test_an_incident_changes_what_it_changes(kind: str, requests: float, spend: float) -> None:
    changed = [usage(ORGANIZATION, 1, [Incident(kind, START, 60)], np.random.default_rng(seed)) for seed in range(8)]
    usual = [usage(ORGANIZATION, 1, (), np.random.default_rng(100 + seed)) for seed in range(8)]
    for metric, times in (("requests", requests), ("spend", spend)):
        there = np.mean([each[metric][START : START + 60].sum() for each in changed])
        before = np.mean([each[metric][START : START + 60].sum() for each in usual])
        assert there / before == pytest.approx(times, rel=0.2)


def test_the_logarithms_are_those_of_what_each_request_cost() -> None:
    sums = usage(ORGANIZATION, 1, [Incident("dear_model", START, 600)], np.random.default_rng(1))
    usual, dear = slice(START - 600, START), slice(START, START + 600)
    means = [sums["logs"][at].sum() / sums["requests"][at].sum() for at in (usual, dear)]
    assert means[0] == pytest.approx(np.log(COST) - COST_SPREAD**2 / 2, abs=0.05)
    assert means[1] - means[0] == pytest.approx(np.log(3), abs=0.05)
    variance = sums["squares"][usual].sum() / sums["requests"][usual].sum() - means[0] ** 2
    assert variance == pytest.approx(COST_SPREAD**2, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_incidents_lie_where_they_are_asked_for_and_mostly_by_day(kind: str) -> None:
    rng = np.random.default_rng(3)
    starts = [incident_of(kind, ORGANIZATION, 100, MINUTES_OF_DAY, rng).start for _ in range(200)]
    assert 100 <= min(starts) <= max(starts) < MINUTES_OF_DAY
    assert np.mean([7 * 60 < start < 19 * 60 for start in starts]) > 0.7
