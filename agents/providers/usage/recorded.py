"""Recorded answers with their usage bodies, priced as our pipeline prices them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from agents.providers.usage.extraction import Flavor, extract
from schemas.errors import UsageUnreadable
from schemas.prices import CostParts, parts_of
from schemas.rates import Price

BY_API_FLAVOR = {
    "chat": Flavor.COMPATIBLE,
    "responses": Flavor.OPENAI_RESPONSES,
    "embeddings": Flavor.OPENAI_EMBEDDINGS,
    "anthropic": Flavor.ANTHROPIC_MESSAGES,
}
BY_PROVIDER = {
    ("openai", "chat"): Flavor.OPENAI_CHAT,
    ("azure", "chat"): Flavor.OPENAI_CHAT,
    ("anthropic", "default"): Flavor.ANTHROPIC_MESSAGES,
    ("minimax", "default"): Flavor.ANTHROPIC_MESSAGES,
    ("google", "default"): Flavor.GOOGLE_GENERATE,
    ("groq", "default"): Flavor.COMPATIBLE,
    ("mistral", "default"): Flavor.COMPATIBLE,
    ("perplexity", "default"): Flavor.COMPATIBLE,
    ("x-ai", "default"): Flavor.COMPATIBLE,
}
"""Where the name of the interface alone does not say who counts how."""


class Priced(NamedTuple):
    """One recorded body, priced as one provider would.

    Attributes:
        row: Number of the body in its file, from 0.
        cost: In US dollars; None when it cannot be priced.
        reason: Why it cannot; empty when it can.
    """

    row: int
    provider: str
    api_flavor: str
    model: str
    cost: CostParts | None
    reason: str = ""


def flavor_of(provider: str, api_flavor: str) -> Flavor | None:
    """Return who counts how at a provider's interface; None for those Asahi does not speak to."""
    return BY_PROVIDER.get((provider, api_flavor)) or BY_API_FLAVOR.get(api_flavor)


def price_bodies(entries: Sequence[Mapping[str, Any]], day: date) -> Iterator[Priced]:
    """Yield every body once for every extractor that its file lists for it.

    Args:
        entries: Each with a `body`, and `extracted` lists of `extractors` that name `provider_id` and `api_flavor`.
            Prices that stand beside these names are not read.
        day: Whose prices to take, since a body does not say when it was answered.
    """
    for row, entry in enumerate(entries):
        for group in entry["extracted"]:
            for extractor in group["extractors"]:
                yield _priced(row, entry["body"], extractor["provider_id"], extractor["api_flavor"], day)


def _priced(row: int, body: Mapping[str, Any], provider: str, api_flavor: str, day: date) -> Priced:
    flavor = flavor_of(provider, api_flavor)
    google = flavor is Flavor.GOOGLE_GENERATE
    model = body.get("modelVersion" if google else "model")
    if flavor is None:
        return Priced(row, provider, api_flavor, str(model or ""), None, "an interface Asahi does not speak")
    if not isinstance(model, str):
        return Priced(row, provider, api_flavor, "", None, "the body names no model")
    try:
        tokens = extract(flavor, body.get("usageMetadata" if google else "usage") or {}).tokens
    except UsageUnreadable as unreadable:
        return Priced(row, provider, api_flavor, model, None, str(unreadable))
    price = _price(f"{provider}/{model}", day)
    if price is None:
        return Priced(row, provider, api_flavor, model, None, "no published price")
    return Priced(row, provider, api_flavor, model, parts_of(tokens, price))


@cache
def _price(published: str, day: date) -> Price | None:
    try:
        return Price.model_validate({"published": published}, context={"date": day})
    except ValidationError:
        return None


def stated(entries: Sequence[Mapping[str, Any]]) -> list[CostParts | None]:
    """Return the prices that a file itself states, in the order of `price_bodies`, to compare with."""
    return [
        CostParts(Decimal(extractor["input_price"]), Decimal(extractor["output_price"]))
        if "input_price" in extractor
        else None
        for entry in entries
        for group in entry["extracted"]
        for extractor in group["extractors"]
    ]
