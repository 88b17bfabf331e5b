from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.routing.learning.frontier import Pair, at_percents, figures, frontier, least_share, measure

WEAK = np.array([1.0, 0.0, 0.0, 1.0])
STRONG = np.array([1.0, 1.0, 1.0, 0.0])
PAIR = Pair(WEAK, STRONG)

grades = st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 1)), min_size=2, max_size=30)


def test_a_frontier_by_hand() -> None:
    quality = frontier(np.array([0.0, 3.0, 2.0, -1.0]), PAIR)
    assert quality.tolist() == [0.5, 0.75, 1.0, 1.0, 0.75]
    found = figures(quality)
    assert found.aiq == pytest.approx((0.5 * (0 + 1) / 4 + (1 + 2) / 2 / 4 + 2 / 4 + 1.5 / 4), abs=1e-9)
    assert (found.cpt50, found.cpt80, found.share95) == (0.25, 0.25, 0.25)


def test_equal_scores_are_a_straight_line() -> None:
    assert frontier(np.zeros(4), PAIR) == pytest.approx(np.linspace(0.5, 0.75, 5))


def test_a_strong_model_that_is_no_better_has_no_gain_to_share() -> None:
    found = figures(frontier(np.zeros(4), Pair(STRONG, WEAK)))
    assert np.isnan([found.aiq, found.cpt50, found.cpt80]).all()
    assert found.share95 == 0


def test_what_is_never_reached_needs_every_call() -> None:
    assert least_share(np.array([0.1, 0.2]), 0.9) == 1.0


@settings(max_examples=40)
@given(grades)
def test_no_rule_beats_the_oracle_and_all_end_with_the_same(rows: list[tuple[bool, bool, float]]) -> None:
    pair = Pair(np.array([row[0] for row in rows], float), np.array([row[1] for row in rows], float))
    quality = frontier(np.array([row[2] for row in rows]), pair)
    best = frontier(pair.strong - pair.weak, pair)
    assert (best >= quality - 1e-9).all()
    assert quality[0] == pytest.approx(pair.weak.mean())
    assert quality[-1] == pytest.approx(pair.strong.mean())


def test_intervals_hold_the_figures_and_are_the_same_for_the_same_seed() -> None:
    generator = np.random.default_rng(2)
    pair = Pair((generator.random(300) < 0.5).astype(float), (generator.random(300) < 0.9).astype(float))
    scores = pair.strong - pair.weak + generator.normal(0, 1, 300)
    found = measure(scores, pair, 50, 1)
    assert found.low.aiq < found.figures.aiq < found.high.aiq
    assert found.low.share95 <= found.figures.share95 <= found.high.share95
    assert (found.quality_low <= found.quality_high).all()
    assert found.low == measure(scores, pair, 50, 1).low
    assert len(found.quality) == len(at_percents(np.array([0.0, 1.0]))) == 101
