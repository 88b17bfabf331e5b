"""What moved a series: the cause is named, and what is merely there is not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.analytics.anomalies.contributions import Slice, Table, contributions
from agents.analytics.anomalies.figures import Figures
from schemas.anomaly import Metric

USER, MODEL, ERROR = "user", "model", "error"


def figures(requests: int, **of_each: float) -> Figures:
    """Requests that are all alike."""
    return Figures(
        requests=requests,
        usd=requests * of_each.get("usd", 0.01),
        tokens=requests * 100,
        failed=round(requests * of_each.get("failed", 0.0)),
        called=requests,
        log_ms=requests * of_each.get("log_ms", 6.0),
        hits=0,
        models={"small": requests},
    )


def plus(*parts: Figures) -> Figures:
    names = {name for part in parts for name in part.models}
    models = {name: sum(part.models.get(name, 0) for part in parts) for name in names}
    names_of_sums = [name for name in Figures._fields if name != "models"]
    return Figures(models=models, **{name: sum(getattr(part, name) for part in parts) for name in names_of_sums})


def table(minutes: float, by: Mapping[tuple[str, str], Figures]) -> Table:
    """A table in which the users make up the whole, and one model answers everything."""
    slices = {Slice(*place): found for place, found in by.items()}
    whole = plus(*(found for place, found in slices.items() if place.dimension == USER))
    return Table(minutes, whole, {**slices, Slice(MODEL, "small"): whole})


BEFORE = table(60, {(USER, "a"): figures(600), (USER, "b"): figures(600)})


def test_who_spends_more_is_named_and_the_model_that_answers_everything_is_not() -> None:
    now = table(10, {(USER, "a"): figures(100), (USER, "b"): figures(900)})
    (found,) = contributions(Metric.SPEND, BEFORE, now)
    assert (found.dimension, found.value) == (USER, "b")
    assert [found.before, found.now] == pytest.approx([0.1, 0.9])
    assert found.share == pytest.approx(1.0)


def test_a_change_that_everybody_shares_has_no_cause() -> None:
    now = table(10, {(USER, "a"): figures(300), (USER, "b"): figures(300)})
    assert contributions(Metric.REQUESTS, BEFORE, now) == ()
    assert contributions(Metric.REQUESTS, BEFORE, Table(10, Figures(), {})) == ()


def test_who_falls_silent_is_named() -> None:
    now = table(10, {(USER, "a"): figures(100)})
    (found,) = contributions(Metric.TOKENS, BEFORE, now)
    assert (found.value, found.now) == ("b", 0.0)


def test_somebody_new_is_named() -> None:
    now = table(10, {(USER, "a"): figures(100), (USER, "b"): figures(100), (USER, "c"): figures(500)})
    (found,) = contributions(Metric.REQUESTS, BEFORE, now)
    assert (found.value, found.before) == ("c", 0.0)


def test_whose_requests_fail_is_named_and_with_what() -> None:
    now = table(
        10,
        {
            (USER, "a"): figures(100),
            (USER, "b"): figures(100, failed=0.8),
            (ERROR, ""): figures(120),
            (ERROR, "provider_timeout"): figures(80, failed=1.0),
        },
    )
    found = contributions(Metric.ERROR_RATE, BEFORE, now)
    assert [(each.dimension, each.value) for each in found] == [(ERROR, "provider_timeout"), (USER, "b")]
    assert found[1].now == pytest.approx(0.8)
    assert found[1].share == pytest.approx(1.0)


def test_errors_explain_nothing_but_errors() -> None:
    now = table(10, {(USER, "a"): figures(100), (USER, "b"): figures(900), (ERROR, "slow"): figures(800)})
    assert {each.dimension for each in contributions(Metric.SPEND, BEFORE, now)} == {USER}


def test_a_user_who_asks_more_at_the_same_pace_does_not_move_latency() -> None:
    now = table(10, {(USER, "a"): figures(100, log_ms=8.0), (USER, "b"): figures(700)})
    (found,) = contributions(Metric.LATENCY, BEFORE, now)
    assert found.value == "a"
    assert found.now == pytest.approx(2980.957987)


def test_of_a_mix_the_model_that_gained_is_named_and_by_whose_requests() -> None:
    was = figures(600)._replace(models={"small": 500, "large": 100})
    before = table(60, {(USER, "a"): was, (USER, "b"): was})
    now = table(
        10,
        {
            (USER, "a"): figures(100)._replace(models={"small": 83, "large": 17}),
            (USER, "b"): figures(100)._replace(models={"large": 100}),
        },
    )
    found = contributions(Metric.MODEL_MIX, before, now)
    assert [(each.dimension, each.value) for each in found] == [(MODEL, "large"), (USER, "b")]
    assert found[1].now == 1.0


@pytest.mark.parametrize("metric", list(Metric))
def test_nothing_before_or_no_change_is_no_cause_of_anything(metric: Metric) -> None:
    empty = Table(60, Figures(), {})
    assert contributions(metric, empty, empty) == ()
    assert contributions(metric, BEFORE, Table(60, BEFORE.all, BEFORE.by)) == ()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1)), min_size=2, max_size=6))
def test_the_shares_of_a_dimension_add_up(users: list[tuple[int, int, float]]) -> None:
    """Those that are told never account for more than there is, when all go the same way."""
    before = table(60, {(USER, str(n)): figures(60 * was) for n, (was, _, _) in enumerate(users)})
    now = table(1, {(USER, str(n)): figures(was + more) for n, (was, more, _) in enumerate(users)})
    found = contributions(Metric.REQUESTS, before, now)
    assert sum(each.share for each in found if each.dimension == USER) <= 1.0 + 1e-5
