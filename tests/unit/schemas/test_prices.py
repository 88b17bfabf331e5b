from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.prices import cost_of
from schemas.registry import Price
from schemas.result import TokenUsage
from schemas.wire import Tokens, plain

GIVEN = Price(input=Decimal(10), cached_input=Decimal(1), output=Decimal(30))


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Tokens(), "0"),
        (Tokens(1_000_000, 0, 0), "10"),
        (Tokens(1_000_000, 1_000_000, 0), "1"),
        (Tokens(1_000_000, 400_000, 0), "6.4"),
        (Tokens(0, 0, 1_000_000), "30"),
        (Tokens(1, 0, 1), "0.00004"),
        (Tokens(10, 20, 0), "0.00001"),
    ],
)
def test_tokens_are_billed_by_kind(usage: Tokens, cost: str) -> None:
    assert cost_of(usage, GIVEN) == Decimal(cost)


def test_cached_tokens_without_a_rate_of_their_own_cost_as_much_as_others() -> None:
    price = Price(input=Decimal(10), output=Decimal(30))
    assert cost_of(Tokens(1000, 1000, 0), price) == cost_of(Tokens(1000, 0, 0), price)


def test_a_request_may_cost_by_itself() -> None:
    price = Price(input=Decimal(0), output=Decimal(0), per_request=Decimal("0.005"))
    assert cost_of(Tokens(5, 0, 5), price) == Decimal("0.005")


def test_events_read_back_cost_the_same() -> None:
    read = TokenUsage(input_tokens=1000, cached_input_tokens=300, output_tokens=200, reasoning_tokens=50)
    assert cost_of(read, GIVEN) == cost_of(Tokens(1000, 300, 200, 50), GIVEN)


rates = st.decimals(0, 99_999, places=10)
counts = st.integers(0, 10**10)


@settings(max_examples=80, deadline=None)
@given(rates, rates, rates, counts, counts, counts)
def test_no_digit_is_ever_rounded(
    into: Decimal, cached: Decimal, out: Decimal, read: int, hit: int, written: int
) -> None:
    price = Price(input=into, cached_input=cached, output=out, per_request=cached)
    hit = min(hit, read)
    exact = (Fraction(into) * (read - hit) + Fraction(cached) * hit + Fraction(out) * written) / 10**6 + Fraction(
        cached
    )
    cost = cost_of(Tokens(read, hit, written), price)
    assert Fraction(cost) == exact
    assert Decimal(plain(cost)) == cost
    assert "E" not in plain(cost)
