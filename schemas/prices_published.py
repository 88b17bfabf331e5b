"""Prices as vendors publish them, from the `genai-prices` package: its own snapshot, never fetched.

The package knows when prices changed and which are halved in the batch lane. Its data is large, so it is imported
when a price is asked for.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

PACKAGE = "genai-prices"
BATCH = {"processing": "batch"}
RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "cached_audio": "cache_audio_read_mtok",
    "output_audio": "output_audio_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
}
"""Their names by ours."""
FEES = {"per_request": "requests_kcount", "web_search": "web_searches_kcount"}
FEE_UNIT = 1000
RATE_DECIMALS = 10
"""As many as a `Rate` may have."""

Given = dict[str, Any]


@cache
def edition() -> str:
    """Return which edition of the prices is installed, e.g. `genai-prices-0.2.3`."""
    return f"{PACKAGE}-{version(PACKAGE)}"


def published_rates(named: str, at: datetime) -> Given:
    """Return the fields of a `Price` as published.

    Args:
        named: `vendor/model` as the package knows them; the model may itself contain a slash.
        at: The moment whose prices are wanted.

    Raises:
        LookupError: The vendor or the model is unknown; says what to write instead.
    """
    vendor, _, model = named.partition("/")
    info, own = _find(vendor, model)
    standard = info.get_prices(at)
    rates, tiers = _rates(standard)
    fields: Given = {**rates, "tiers": tiers}
    fields.setdefault("input", Decimal(0))
    fields.setdefault("output", Decimal(0))
    for ours, theirs in FEES.items():
        fee = getattr(standard, theirs)
        if isinstance(fee, Decimal):
            fields[ours] = fee / FEE_UNIT
    batch = info.get_prices(at, BATCH) if own else standard
    if batch != standard:
        halved, longer = _rates(batch)
        fields["batch"] = {**halved, "tiers": longer}
    return fields


@cache
def _find(vendor: str, model: str) -> tuple[ModelInfo, bool]:
    """Return a vendor's model, and whether it is listed by itself rather than with the vendor who made it."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        provider, info = get_snapshot().find_provider_model(model, None, vendor, None)
    except LookupError as unknown:
        raise LookupError(
            f"{PACKAGE} lists no {vendor}/{model}; write vendor/model as it does, or give the rates themselves"
        ) from unknown
    return info, any(info is listed for listed in provider.models)


def _rates(price: ModelPrice) -> tuple[Given, list[Given]]:
    """Return rates and tiers; a tier names only the rates that change there."""
    from genai_prices.types import TieredPrices

    rates: Given = {}
    tiers: dict[int, Given] = {}
    for ours, theirs in RATES.items():
        rate = getattr(price, theirs)
        if isinstance(rate, TieredPrices):
            rates[ours] = _brief(rate.base)
            for tier in rate.tiers:
                tiers.setdefault(tier.start, {"above": tier.start})[ours] = _brief(tier.price)
        elif rate is not None:
            rates[ours] = _brief(rate)
    return rates, [tiers[start] for start in sorted(tiers)]


def _brief(rate: Decimal) -> Decimal:
    """Return a rate with the digits that a `Rate` may have.

    Some are listed with trailing zeros, and two dozen as sums of binary fractions, such as 0.18000000000000002.
    """
    return round(rate, RATE_DECIMALS).normalize() + Decimal(0)  # a number without an exponent
