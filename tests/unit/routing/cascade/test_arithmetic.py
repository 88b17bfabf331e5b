from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.routing.cascade.arithmetic import Equation, equations, evaluate, numbers


@pytest.mark.parametrize(
    ("text", "terms", "stated"),
    [
        ("3 x 4 = 12", (3, 4), 12),
        ("He sold 12 eggs / 2 = 6 boxes.", (12, 2), 6),
        ("In 3 days he sold 12 / 2 = 6.", (12, 2), 6),
        ("15 * $0.50 = $<<15*.5=7.50>>7.5", (15, 0.5), 7.5),
        ("10% * $50 = $5", (10, 100, 50), 5),
        ("5 / 20 = 25%", (5, 20), 0.25),
        ("12 - (3 + 2) \u00d7 2 = 2", (12, 3, 2, 2), 2),
        ("1,000 + 20 = 1,020", (1000, 20), 1020),
        ("3 - 5 = -2", (3, 5), -2),
    ],
)
def test_calculations_are_read(text: str, terms: tuple[float, ...], stated: float) -> None:
    (found,) = equations(text)
    assert found.terms == terms
    assert found.stated == stated
    assert found.holds


@pytest.mark.parametrize("text", ["6 * 2 = 13", "<<32/2*3/4=9.6>>", "100 - 30% = 80 + 2 = 83 - 1 = 2"])
def test_wrong_ones_do_not_hold(text: str) -> None:
    assert not equations(text)[-1].holds


@pytest.mark.parametrize(
    "text", ["", "x + 3 = 5", "total = 7", "3 / 0 = 1", "5 = 5", "( = 3", "3 + = 4", "2 * 3 = 6 * 1 or so", "a ="]
)
def test_what_is_no_calculation_is_left_out(text: str) -> None:
    assert equations(text) == []


def test_rounding_holds() -> None:
    assert Equation((10, 3), 10 / 3, 3.33).holds
    assert not Equation((10, 3), 10 / 3, 3.4).holds


def test_numbers_are_read_without_their_commas() -> None:
    assert numbers("1,200 people and 3.5 kg, or .5") == [1200, 3.5, 0.5]


@pytest.mark.parametrize("terms", [[], ["+"], ["(", 1.0], [1.0, 2.0], ["(", 1.0, "+", ")"], [1.0, ")"]])
def test_broken_terms_have_no_value(terms: list[str | float]) -> None:
    assert evaluate(terms) is None


@settings(max_examples=40)
@example("=-")
@given(st.text(alphabet="0123456789+-*/=()x.$%<> a\n", max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    assert all(len(found.terms) >= 1 for found in equations(text))


@settings(max_examples=40)
@given(st.integers(1, 99), st.sampled_from("+-*"), st.integers(1, 99), st.integers(-9, 9))
def test_a_stated_result_holds_when_it_is_right(left: int, sign: str, right: int, off: int) -> None:
    value = {"+": left + right, "-": left - right, "*": left * right}[sign]
    (found,) = equations(f"so {left} {sign} {right} = {value + off}")
    assert found.holds == (abs(off) <= max(0.011, 0.006 * abs(value)))
