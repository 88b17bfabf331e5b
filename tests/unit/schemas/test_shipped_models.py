"""The models we ship: who they are, where their figures come from, and that their prices are the published ones."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price
from genai_prices.types import TieredPrices

from schemas.prices_published import published_rates
from schemas.registry import Capability, ModelRegistry, ModelSpec

SHIPPED = ModelRegistry.load(Path(__file__).parents[3] / "config" / "models.yaml")
NOON = datetime.fromisoformat(f"{SHIPPED.price_list.partition('/')[0]}T12:00:00").replace(tzinfo=UTC)
MODELS = pytest.mark.parametrize("spec", list(SHIPPED), ids=lambda spec: spec.name)
ANCHOR = {"default": 86.7, "coding": 88.2, "mathematics": 73.4}
BENCHMARKS = {"default": "MMLU", "coding": "HumanEval", "mathematics": "MATH"}


def rate(published: Decimal | TieredPrices | None) -> Decimal | None:
    """Return the rate of a call that is within the first tier."""
    return published.base if isinstance(published, TieredPrices) else published


def test_there_is_something_of_every_vendor() -> None:
    assert len(SHIPPED) >= 25
    vendors = {(spec.price_ref or "").partition(":")[0] for spec in SHIPPED}
    assert vendors >= {"openai", "anthropic", "google", "mistral", "deepseek", "groq"}
    assert {provider for spec in SHIPPED for provider in spec.providers} == {"simulated"}
    assert {capability for spec in SHIPPED for capability in spec.capabilities} == set(Capability)


@pytest.mark.parametrize("name", ["gpt-4-turbo", "claude-opus-4", "claude-3-5-sonnet"])
def test_the_original_systems_models_have_its_figures(name: str) -> None:
    spec = SHIPPED.get(name)
    assert spec is not None
    assert spec.quality_source == "the original system's registry"


@MODELS
def test_a_price_is_the_published_one(spec: ModelSpec) -> None:
    assert spec.price_ref is not None
    provider, _, model = spec.price_ref.partition(":")
    usage = Usage(input_tokens=1000, output_tokens=10)
    found = calc_price(usage, model, provider_id=provider, genai_request_timestamp=NOON)
    published = found.model_price
    ours = (spec.price.input, spec.price.cached_input, spec.price.output)
    theirs = (rate(published.input_mtok), rate(published.cache_read_mtok), rate(published.output_mtok))
    assert ours == theirs, f"published is {theirs}"
    tiers = published.input_mtok.tiers if isinstance(published.input_mtok, TieredPrices) else ()
    assert all(spec.context_window <= tier.start for tier in tiers), "the window reaches into a dearer tier"


@MODELS
def test_the_rates_of_caching_and_of_the_batch_lane_are_the_published_ones(spec: ModelSpec) -> None:
    published = published_rates((spec.price_ref or "").replace(":", "/", 1), NOON)
    for name in ("cache_write", "cache_write_1h"):
        assert getattr(spec.price, name) == published.get(name)
    batch = spec.price.batch
    if batch is not None:
        theirs = {name: rate for name, rate in published["batch"].items() if name != "tiers"}
        assert {name: rate for name, rate in batch.named().items() if name in theirs} == theirs


@MODELS
def test_a_quality_says_where_it_comes_from(spec: ModelSpec) -> None:
    assert re.match(r"scaled: |estimate |the original system's registry", spec.quality_source)
    if not spec.quality_source.startswith("scaled: "):
        return
    reference = SHIPPED.get("gpt-4-turbo")
    assert reference is not None
    for task_type, benchmark in BENCHMARKS.items():
        score = re.search(rf"\b{benchmark} (\d+\.\d)", spec.quality_source)
        if score is not None:
            scaled = float(score[1]) / ANCHOR[task_type] * reference.quality[task_type]
            assert spec.quality[task_type] == pytest.approx(scaled, abs=0.006)
