"""One organization's minutes: what is found, what is not, and that a restart changes nothing."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.analytics.anomalies.figures import Figures
from agents.analytics.anomalies.gathering import ENOUGH, Gathered
from agents.analytics.anomalies.mix import MOST, Mix
from agents.analytics.anomalies.teaching import taught, taught_state
from agents.analytics.anomalies.watch import Least, Turn, Watch
from schemas.analytics_settings import AnalyticsSettings
from schemas.anomaly import Metric

TAUGHT = 400
COST = math.log(0.01)
LEAST = Least.configured(AnalyticsSettings())


def usual(minute: int, requests: int = 40) -> Figures:
    """A minute with some noise, the same for the same minute."""
    noise = random.Random(minute)
    count = requests + noise.randint(-5, 5)
    return Figures(
        requests=count,
        usd=count * 0.01 * noise.uniform(0.9, 1.1),
        tokens=count * 150 + noise.randint(-200, 200),
        failed=noise.randint(0, 1),
        called=count // 2,
        log_ms=count // 2 * noise.uniform(6.8, 6.9),
        paid=count // 2,
        log_usd=count // 2 * COST,
        log_usd_squares=count // 2 * (COST**2 + noise.uniform(0.9, 1.1)),
        hits=count - count // 2,
        models={"small": count - count // 4, "large": count // 4},
    )


def run(watch: Watch, minutes: range, figures: Callable[[int], Figures | None]) -> list[tuple[int, Turn]]:
    return [(minute, turn) for minute in minutes for turn in watch.add(minute, figures(minute))]


def fresh() -> Watch:
    watch = Watch(-1, LEAST)
    run(watch, range(TAUGHT), usual)
    return watch


def test_what_is_usual_is_no_anomaly() -> None:
    assert run(fresh(), range(TAUGHT, TAUGHT + 200), usual) == []


@pytest.mark.parametrize(
    ("metric", "strange"),
    [
        (Metric.SPEND, lambda f: f._replace(usd=8 * f.usd)),
        (Metric.REQUESTS, lambda f: f._replace(requests=8 * f.requests)),
        (Metric.REQUESTS, lambda f: Figures()),
        (Metric.TOKENS, lambda f: f._replace(tokens=8 * f.tokens)),
        (Metric.CALL_COST, lambda f: f._replace(log_usd=f.log_usd + 2 * f.paid)),
        (Metric.ERROR_RATE, lambda f: f._replace(failed=f.requests // 2)),
        (Metric.LATENCY, lambda f: f._replace(log_ms=f.log_ms + 2 * f.called)),
        (Metric.CACHE_HIT_RATE, lambda f: f._replace(hits=0, called=f.requests)),
        (Metric.MODEL_MIX, lambda f: f._replace(models={"huge": f.requests})),
    ],
)
def test_an_incident_opens_once_and_ends_once(metric: Metric, strange: Callable[[Figures], Figures]) -> None:
    turns = run(
        fresh(),
        range(TAUGHT, TAUGHT + 60),
        lambda minute: strange(usual(minute)) if minute < TAUGHT + 10 else usual(minute),
    )
    (opened, ended) = [(minute, turn.episode) for minute, turn in turns if turn.metric is metric]
    assert opened[0] <= TAUGHT + 3
    assert not opened[1].over
    assert TAUGHT * 60 <= opened[1].start <= (TAUGHT + 2) * 60
    assert ended[1].over
    assert ended[1].start == opened[1].start
    assert ended[1].severity >= opened[1].severity
    assert opened[0] < ended[0] <= TAUGHT + 25


@pytest.mark.parametrize(
    ("metric", "better"),
    [
        (Metric.LATENCY, lambda f: f._replace(log_ms=f.log_ms / 3)),
        (Metric.CACHE_HIT_RATE, lambda f: f._replace(hits=f.requests, called=1)),
        (Metric.SPEND, lambda f: f._replace(usd=f.usd + 0.009)),
        (Metric.SPEND, lambda f: f._replace(usd=1.2 * f.usd)),
        (Metric.REQUESTS, lambda f: f._replace(requests=round(0.85 * f.requests))),
    ],
)
def test_what_is_better_or_too_little_is_not_told(metric: Metric, better: Callable[[Figures], Figures]) -> None:
    turns = run(fresh(), range(TAUGHT, TAUGHT + 20), lambda minute: better(usual(minute)))
    assert [turn for _, turn in turns if turn.metric is metric] == []


def test_minutes_of_which_nothing_is_known_are_no_silence() -> None:
    watch = fresh()
    assert run(watch, range(TAUGHT, TAUGHT + 30), lambda _: None) == []
    assert run(watch, range(TAUGHT + 30, TAUGHT + 60), usual) == []
    assert watch.minute == TAUGHT + 59


def test_quiet_minutes_are_counted_unless_nothing_is_known() -> None:
    watch = fresh()
    run(watch, range(TAUGHT, TAUGHT + 4), lambda minute: None if minute == TAUGHT + 1 else Figures())
    assert watch.quiet == 3
    watch.add(TAUGHT + 4, usual(1))
    assert watch.quiet == 0


@settings(max_examples=15)
@given(st.integers(0, 40))
def test_a_restart_at_any_minute_changes_nothing(restarted: int) -> None:
    def figures(minute: int) -> Figures:
        return usual(minute, 300) if 103 <= minute < 110 else usual(minute)

    whole = Watch(-1, LEAST)
    expected = run(whole, range(150), figures)
    first = Watch(-1, LEAST)
    turns = run(first, range(95 + restarted), figures)
    state = json.loads(json.dumps(first.state()))
    second = Watch.restored(first.minute, LEAST, state)
    assert turns + run(second, range(95 + restarted, 150), figures) == expected
    assert second.state() == whole.state()
    assert expected


def test_teaching_begins_with_the_first_minute_that_has_anything() -> None:
    figures = {minute: usual(minute) for minute in range(100, 300) if minute % 10}
    watch = taught(figures, 320, {310}, LEAST)
    assert watch.minute == 320
    assert watch.quiet == 20
    assert watch.state() == taught_state(figures, 320, {310}, LEAST)
    assert taught({}, 7, (), LEAST).minute == 7


def test_a_rate_waits_for_enough_requests() -> None:
    gathered = Gathered()
    minute = Figures(requests=4, failed=1)
    assert gathered.add(Metric.ERROR_RATE, minute) is None
    assert gathered.add(Metric.ERROR_RATE, minute) is None
    assert Gathered.restored(gathered.state()) == gathered
    assert gathered.add(Metric.ERROR_RATE, minute) == 0.25
    assert gathered == Gathered()
    assert gathered.add(Metric.CACHE_HIT_RATE, Figures(hits=ENOUGH // 2, called=ENOUGH // 2)) == 0.5


def test_a_mix_is_as_far_from_the_usual_one_as_it_has_other_models() -> None:
    mix = Mix()
    assert mix.distance({"a": 5}) == 0.0
    mix.add({"a": 5, "b": 5})
    assert mix.distance({"a": 10}) == pytest.approx(0.5)
    assert mix.distance({"c": 10}) == pytest.approx(1.0)
    assert mix.distance({}) == 0.0
    for name in range(2 * MOST):
        mix.add({f"model-{name}": 1})
    assert len(mix.usual) == MOST
