"""The bound holds whatever the verifier says and in whatever order verdicts come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cache.semantic.bound import STEP, SUREST, ErrorBound

deltas = st.floats(0.001, 0.2)


def test_without_verdicts_the_tenants_bound_is_the_verifiers() -> None:
    assert ErrorBound().corrected(0.05) == 0.05


def test_a_wrong_hit_is_made_up_for_by_as_many_right_ones_as_the_bound_asks_for() -> None:
    bound = ErrorBound()
    bound.learn(0.05, wrong=True)
    assert bound.corrected(0.05) < 0.05
    for _ in range(18):
        bound.learn(0.05, wrong=False)
    assert bound.corrected(0.05) < 0.05
    bound.learn(0.05, wrong=False)
    assert bound.corrected(0.05) == pytest.approx(0.05)


@given(delta=deltas, wrongs=st.lists(st.booleans(), max_size=200))
def test_of_judged_hits_hardly_more_are_wrong_than_the_bound_allows(delta: float, wrongs: list[bool]) -> None:
    """The law holds for a world in which hits pass only a bar they reach, however unsure the verifier really is."""
    bound, judged, wrong_ones = ErrorBound(), 0, 0
    for wrong in wrongs:
        if 1 - bound.corrected(delta) > SUREST:
            bound.learn(delta, wrong=False)  # refused: a model's answer may tell that it would have been right
            continue
        judged += 1
        wrong_ones += wrong
        bound.learn(delta, wrong=wrong)
    refused = len(wrongs) - judged
    assert wrong_ones <= delta * (judged + refused) + bound.margin / STEP + 1e-9


@given(delta=deltas, wrongs=st.lists(st.booleans(), max_size=50))
def test_it_is_never_looser_than_the_tenant_allows(delta: float, wrongs: list[bool]) -> None:
    bound = ErrorBound()
    for wrong in wrongs:
        bound.learn(delta, wrong=wrong)
        assert 0 < bound.corrected(delta) <= delta * (1 + 1e-9)
