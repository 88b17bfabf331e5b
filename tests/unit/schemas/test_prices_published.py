"""Our costs against those that the price package itself computes: its engine shares only the rates with ours."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import Usage
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.prices import cost_of, parts_of
from schemas.prices_published import edition
from schemas.rates import Price
from schemas.wire import Tokens

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
VENDORS = ("openai", "anthropic", "google", "mistral", "deepseek", "groq")
MODELS = [
    f"{vendor.id}/{model.id}"
    for vendor in providers
    if vendor.id in VENDORS
    for model in vendor.models
    if vendor.find_model(model.id) is model  # some are only found under their longer names
    and not any(unit in str(model.get_prices(NOON).__dict__) for unit in ("pages", "hours", "mchars", "video"))
]
counts = st.integers(0, 300_000)


def priced(model: str) -> Price:
    return Price.model_validate({"published": model}, context={"date": "2026-11-23"})


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    """Counts that hold together, long inputs among them."""
    sent, generated = draw(counts), draw(counts)
    cached = draw(st.integers(0, sent))
    written = draw(st.integers(0, sent - cached))
    return Tokens(sent, cached, generated, draw(st.integers(0, generated)), written, draw(st.integers(0, written)))


def theirs(model: str, used: Tokens, context: dict[str, str]) -> tuple[Decimal, Decimal, Decimal]:
    vendor, _, name = model.partition("/")
    usage = Usage(
        input_tokens=used.input_tokens,
        cache_read_tokens=used.cached_input_tokens,
        cache_write_tokens=used.cache_write_tokens,
        cache_write_1h_tokens=used.cache_write_1h_tokens,
        output_tokens=used.output_tokens,
        output_reasoning_tokens=used.reasoning_tokens,
    )
    price = get_snapshot().calc(usage, name, vendor, None, NOON, context)
    return price.input_price, price.output_price, price.total_price


def test_there_are_many_models() -> None:
    assert len(MODELS) > 150


@pytest.mark.parametrize("batch", [False, True], ids=["standard", "batch"])
@given(st.sampled_from(MODELS), tokens())
@settings(max_examples=40, deadline=None)
def test_costs_are_those_of_the_package(batch: bool, model: str, used: Tokens) -> None:
    context = {"processing": "batch"} if batch else {}
    price = priced(model)
    expected = theirs(model, used, context)
    assert (*parts_of(used, price, batch=batch), cost_of(used, price, batch=batch)) == expected


def test_every_listed_model_can_be_priced() -> None:
    for model in MODELS:
        assert cost_of(Tokens(1000, 0, 1000), priced(model)) >= 0


def test_the_edition_is_named() -> None:
    name, _, number = edition().rpartition("-")
    assert name == "genai-prices"
    assert number[0].isdigit()
