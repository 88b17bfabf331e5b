from __future__ import annotations

import numpy as np
import pytest

from benchmarks.anomaly_scoring import Floats, Weighed, Window, best, probation, sigmoid, under, weigh

ROWS = 4_032


def detected(rows: int, *at: int) -> Floats:
    found = np.zeros(rows)
    found[list(at)] = 1
    return found


def raw(stream: Weighed, *at: int) -> float:
    """Return the score before it is normalized, of detections in a stream with windows."""
    return under([(stream, detected(len(stream.worth), *at))], 1.0).score / 100 * 2 * stream.windows - stream.windows


def test_probation_is_15_percent_up_to_750_rows() -> None:
    assert [probation(rows) for rows in (0, 1_243, ROWS, 5_000, 22_695)] == [0, 186, 604, 750, 750]


def test_the_sigmoid_falls_from_the_left_edge_of_a_window_to_far_behind_it() -> None:
    assert sigmoid(-1) == pytest.approx(0.98661, abs=1e-5)
    assert sigmoid(-0.5) == pytest.approx(0.84828, abs=1e-5)
    assert sigmoid(0) == 0
    assert sigmoid(1) == pytest.approx(-0.98661, abs=1e-5)
    assert sigmoid(3) == -1


def test_published_scores_of_the_windowed_gaussian_are_met() -> None:
    """One window, and two with false detections before and behind them, where the published rows are detected."""
    assert raw(weigh("one", ROWS, [Window(1437, 1839)]), 1638, 1640, 1643) == pytest.approx(0.8606718242697022)
    two = weigh("two", ROWS, [Window(3447, 3647), Window(3677, 3877)])
    false = (729, 1018, 1309, 1597, 1883, 2172, 2461, 2748, 3032, 3321, 3898)
    assert raw(two, 3547, 3614, *false) == pytest.approx(-1.266678759349383)


def test_nothing_detected_is_0_and_every_window_at_its_left_edge_100() -> None:
    stream = weigh("a", ROWS, [Window(1000, 1200), Window(2000, 2100)])
    assert under([(stream, detected(ROWS))], 1.0).score == 0
    assert under([(stream, detected(ROWS, 1000, 2000))], 1.0).score == pytest.approx(100)


def test_the_probation_is_not_scored() -> None:
    stream = weigh("a", ROWS, [Window(1000, 1200)])
    assert under([(stream, detected(ROWS, 5, 603))], 1.0).false_detections == 0
    assert under([(stream, detected(ROWS, 604))], 1.0).false_detections == 1


def test_the_best_threshold_is_the_best_of_all() -> None:
    drawn = np.random.default_rng(2)
    streams = [
        (weigh("a", ROWS, [Window(1000, 1200), Window(2000, 2100)]), drawn.random(ROWS).round(2)),
        (weigh("b", 500, []), drawn.random(500).round(2)),
    ]
    streams[0][1][[1010, 2010]] = 2.0
    found = best(streams)
    each = [under(streams, threshold) for threshold in sorted({*streams[0][1], *streams[1][1], 3.0})]
    assert found.score == pytest.approx(max(outcome.score for outcome in each))
    assert found.found == 2


def test_a_detector_that_is_always_wrong_had_better_say_nothing() -> None:
    stream = weigh("a", ROWS, [Window(1000, 1200)])
    assert best([(stream, detected(ROWS, 700, 3000))]).score == 0
