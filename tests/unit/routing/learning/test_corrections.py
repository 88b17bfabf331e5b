from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.routing.learning.components import neighbourhoods
from agents.routing.learning.corrections import LARGEST, Corrections

CENTRES = np.eye(3, dtype=np.float32)
graded = st.tuples(st.integers(0, 2), st.integers(0, 1), st.floats(0.05, 0.95), st.sampled_from([0.0, 0.5, 1.0]))


def taught(rows: list[tuple[int, int, float, float]], state: Corrections) -> Corrections:
    places, models, predicted, grades = (np.array(column) for column in zip(*rows, strict=True))
    return state.with_grades(neighbourhoods(CENTRES[places], CENTRES), models, predicted, grades)


def test_without_grades_nothing_shifts() -> None:
    assert not Corrections.none(3, 2).shifts().any()


@settings(max_examples=40)
@given(st.lists(graded, min_size=2, max_size=12))
def test_the_order_of_grades_does_not_matter(rows: list[tuple[int, int, float, float]]) -> None:
    none = Corrections.none(3, 2)
    one_by_one = none
    for row in reversed(rows):
        one_by_one = taught([row], one_by_one)
    assert taught(rows, none).shifts() == pytest.approx(one_by_one.shifts(), abs=1e-9)


def test_a_shift_is_greatest_where_the_grades_are_and_bounded() -> None:
    shifts = taught([(0, 1, 0.2, 1.0)] * 400, Corrections.none(3, 2)).shifts()
    assert not shifts[:, 0].any()
    assert shifts[0, 1] == LARGEST
    assert (shifts[1:, 1] > 0).all()
