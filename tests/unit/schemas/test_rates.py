from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.prices import cost_of, list_cost_of, parts_of
from schemas.rates import Price
from schemas.wire import Tokens

MILLION = 1_000_000
DATE = {"date": "2026-11-23"}


def price(**fields: Any) -> Price:
    return Price.model_validate({"input": 10, "output": 30, **fields}, context=DATE)


def cost(tokens: Tokens, **fields: Any) -> Decimal:
    return cost_of(tokens, price(**fields))


@pytest.mark.parametrize(
    ("tokens", "rates", "expected"),
    [
        (Tokens(MILLION, cache_write_tokens=MILLION), {"cache_write": 12}, "12"),
        (Tokens(MILLION, cache_write_tokens=MILLION), {}, "10"),
        (Tokens(MILLION, cache_write_tokens=MILLION, cache_write_1h_tokens=400_000), {"cache_write": 12}, "12"),
        (
            Tokens(MILLION, cache_write_tokens=500_000, cache_write_1h_tokens=200_000),
            {"cache_write": 12, "cache_write_1h": 20},
            "12.6",
        ),
        (Tokens(0, 0, MILLION, 400_000), {"reasoning": 40}, "34"),
        (Tokens(MILLION, input_audio_tokens=MILLION), {"input_audio": 70}, "70"),
        (Tokens(0, 0, MILLION, output_audio_tokens=500_000), {"output_audio": 100}, "65"),
        (Tokens(MILLION, input_image_tokens=MILLION), {"input_image": 5}, "5"),
        (Tokens(0, 0, MILLION, output_image_tokens=MILLION), {"output_image": 60}, "60"),
        (Tokens(web_searches=3), {"web_search": "0.01"}, "0.03"),
        (Tokens(), {"per_request": "0.005"}, "0.005"),
    ],
)
def test_every_kind_of_token_has_its_rate(tokens: Tokens, rates: dict[str, Any], expected: str) -> None:
    assert cost(tokens, **rates) == Decimal(expected)


def test_cached_audio_is_both_cached_and_audio_but_billed_once() -> None:
    tokens = Tokens(1000, 600, input_audio_tokens=500, cached_audio_tokens=300)
    rates = {"cached_input": 1, "input_audio": 40, "cached_audio": 4}
    # 200 plain text, 300 cached text, 200 audio, 300 cached audio
    assert cost(tokens, **rates) * MILLION == 200 * 10 + 300 * 1 + 200 * 40 + 300 * 4
    del rates["cached_audio"]
    assert cost(tokens, **rates) * MILLION == 200 * 10 + 300 * 1 + 200 * 40 + 300 * 1


@pytest.mark.parametrize(("sent", "rate"), [(200_000, 10), (200_001, 20), (500_000, 20), (500_001, 25)])
def test_a_tier_holds_for_all_tokens_of_a_longer_input(sent: int, rate: int) -> None:
    tiers = [{"above": 500_000, "input": 25}, {"above": 200_000, "input": 20, "cached_input": 2}]
    assert cost(Tokens(sent, 0, 10), tiers=tiers) * MILLION == sent * rate + 10 * 30


def test_a_tier_leaves_what_it_does_not_name() -> None:
    tiers = [{"above": 100, "input": 20}]
    assert cost(Tokens(200, 100, 10), cached_input=1, tiers=tiers) * MILLION == 100 * 20 + 100 * 1 + 10 * 30


def test_a_factor_halves_every_rate_in_the_batch_lane() -> None:
    whole = price(
        cached_input=1,
        cache_write=12,
        per_request="0.01",
        web_search="0.02",
        tiers=[{"above": 1000, "input": 20}],
        batch=0.5,
    )
    for sent in (1000, 1001):
        tokens = Tokens(sent, 300, 200, cache_write_tokens=100, web_searches=2)
        fees = Decimal("0.05")
        assert cost_of(tokens, whole, batch=True) - fees == (cost_of(tokens, whole) - fees) / 2


def test_a_mapping_names_what_changes_in_the_batch_lane() -> None:
    tokens = Tokens(1000, 400, 100)
    given = price(cached_input=5, tiers=[{"above": 500, "input": 20, "output": 40}], batch={"input": 5, "output": 15})
    assert cost_of(tokens, given, batch=True) * MILLION == 600 * 5 + 400 * 5 + 100 * 15
    assert cost_of(tokens, given) * MILLION == 600 * 20 + 400 * 5 + 100 * 40


def test_without_a_batch_price_the_batch_lane_is_not_cheaper() -> None:
    tokens = Tokens(1000, 0, 100)
    assert cost_of(tokens, price(), batch=True) == cost_of(tokens, price())


def test_at_list_price_nothing_is_cached_or_written() -> None:
    tokens = Tokens(1000, 400, 100, cache_write_tokens=200, input_audio_tokens=50)
    given = price(cached_input=1, cache_write=12, input_audio=40, batch=0.5, per_request="0.01")
    assert list_cost_of(tokens, given) == (950 * 10 + 50 * 40 + 100 * 30) / Decimal(MILLION) + Decimal("0.01")


def test_input_and_output_have_their_parts() -> None:
    tokens = Tokens(1000, 400, 100, 50, web_searches=1)
    parts = parts_of(tokens, price(cached_input=1, reasoning=40, web_search="0.01"))
    assert parts == (Decimal("0.0064"), Decimal("0.0035"))


def test_a_copy_with_other_rates_costs_as_they_say() -> None:
    given = price(batch=0.5)
    tokens = Tokens(MILLION)
    assert (cost_of(tokens, given), cost_of(tokens, given, batch=True)) == (Decimal(10), Decimal(5))
    dearer = given.model_copy(update={"input": Decimal(12), "batch": None})
    assert (cost_of(tokens, dearer), cost_of(tokens, dearer, batch=True)) == (Decimal(12), Decimal(12))


def test_published_prices_are_taken_over_and_overridden() -> None:
    given = Price.model_validate({"published": "anthropic/claude-sonnet-4-5", "output": 16}, context=DATE)
    assert (given.input, given.output, given.cache_write_1h) == (Decimal(3), Decimal(16), Decimal(6))
    assert (given.cached_input, given.cache_write) == (Decimal("0.3"), Decimal("3.75"))
    assert given.web_search == Decimal("0.01")
    assert [tier.above for tier in given.tiers] == [200_000]
    tokens = Tokens(1000, 500, 0)
    assert cost_of(tokens, given, batch=True) == cost_of(tokens, given) / 2


def test_published_prices_have_no_more_digits_than_a_rate() -> None:
    given = Price.model_validate({"published": "huggingface_together/Qwen/Qwen3-VL-8B-Instruct"}, context=DATE)
    assert given.input == Decimal("0.18")


@pytest.mark.parametrize("day", ["2026-11-23", datetime(2026, 11, 23, tzinfo=UTC), date(2026, 11, 23)])
def test_published_prices_are_those_of_the_day(day: object) -> None:
    now = Price.model_validate({"published": "openai/gpt-5.6-sol"}, context={"date": day})
    before = Price.model_validate({"published": "openai/gpt-5.6-sol"}, context={"date": "2026-08-20"})
    assert (now.input, before.input) == (Decimal(4), Decimal(5))


@pytest.mark.parametrize(
    ("fields", "context", "words"),
    [
        ({"published": "openai/gpt-nonsense"}, DATE, "genai-prices lists no openai/gpt-nonsense; write vendor/model"),
        ({"published": "nobody/gpt-4o"}, DATE, "genai-prices lists no nobody/gpt-4o"),
        ({"published": "openai/gpt-4o"}, None, "need the date of the price list"),
        ({"published": "openai/gpt-4o"}, {"date": "yesterday"}, "need the date of the price list"),
        ({"published": 4, "input": 1, "output": 1}, DATE, "published"),
        ({"input": 1, "output": 1, "batch": 1.5}, DATE, "a factor is between 0 and 1"),
        ({"input": 1, "output": 1, "batch": "half"}, DATE, "a factor is a number"),
        ({"input": 1, "output": 1, "batch": True}, DATE, "batch"),
        ({"input": 1, "output": 1, "tiers": [{"above": 0, "input": 1}]}, DATE, "tiers.0.above"),
        ({"input": 1, "output": 1, "tiers": [{"above": 5, "per_request": 1}]}, DATE, "tiers.0.per_request"),
        ([], DATE, "valid dictionary"),
    ],
)
def test_a_wrong_price_says_what_is_wrong(fields: object, context: Any, words: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Price.model_validate(fields, context=context)
    assert words in str(wrong.value)
