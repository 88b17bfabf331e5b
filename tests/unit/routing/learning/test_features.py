from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.routing.learning.features import FEATURES, lexical


def of(prompt: str, name: str) -> float:
    return float(lexical([prompt])[0, FEATURES.index(name)])


def test_numbers_are_counted_not_their_digits() -> None:
    assert of("12 and 345", "numbers") == of("1 and 3", "numbers") > of("only 1", "numbers") > of("none", "numbers")


def test_a_number_does_not_reach_over_into_the_next_prompt() -> None:
    together = lexical(["ends with 1", "2 begins"])
    assert np.array_equal(together, np.vstack([lexical(["ends with 1"]), lexical(["2 begins"])]))


def test_no_prompts_are_no_rows() -> None:
    assert lexical([]).shape == (0, len(FEATURES))


@settings(max_examples=40)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_every_text_has_finite_features(prompts: list[str]) -> None:
    rows = lexical(prompts)
    assert rows.shape == (len(prompts), len(FEATURES))
    assert np.isfinite(rows).all()
