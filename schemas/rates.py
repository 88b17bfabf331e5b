"""What tokens cost: rates per million, by kind, above thresholds and in the batch lane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from schemas.model import Usd
from schemas.prices_formula import Formula, formula_of
from schemas.prices_published import RATE_DECIMALS, published_rates

MAX_RATE_DIGITS = 15
MAX_RATE_DECIMALS = RATE_DECIMALS
Rate = Annotated[Usd, Field(ge=0, max_digits=MAX_RATE_DIGITS, decimal_places=MAX_RATE_DECIMALS)]
"""A price. Its digits are limited so that costs fit Python's 28 decimal digits and are never rounded."""
MIDDAY = time(12)
"""At which hour of the day of a price list prices are taken that vary over the day."""


class Rates(BaseModel):
    """US dollars per million tokens of a kind; a kind without a rate costs what the kind it is part of costs.

    Attributes:
        input: Tokens sent.
        output: Tokens generated.
        cached_input: Of those sent, what the provider had cached.
        cache_write: Of those sent, what the provider put into its cache.
        cache_write_1h: Of those written, what stays for an hour instead of five minutes.
        reasoning: Of those generated, what the model thought and did not say.
        input_audio: Of those sent, audio.
        cached_audio: Of the audio sent, what the provider had cached.
        output_audio: Of those generated, audio.
        input_image: Of those sent, images.
        output_image: Of those generated, images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Rate | None = None
    cached_input: Rate | None = None
    output: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    reasoning: Rate | None = None
    input_audio: Rate | None = None
    cached_audio: Rate | None = None
    output_audio: Rate | None = None
    input_image: Rate | None = None
    output_image: Rate | None = None

    def named(self) -> dict[str, Decimal]:
        """Return the rates there are, by name."""
        return {name: rate for name in Rates.model_fields if (rate := getattr(self, name)) is not None}


class Tier(Rates):
    """Rates that replace those below, for every token of a call whose input is longer.

    Attributes:
        above: Input tokens that a call must exceed.
    """

    above: Annotated[int, Field(ge=1)]


class BatchRates(Rates):
    """Rates that replace the standard ones in the provider's batch lane."""

    tiers: tuple[Tier, ...] = ()


class Price(Rates):
    """What a model costs.

    In YAML, `published: openai/gpt-4o` takes what `genai-prices` lists for that vendor and model on the date of the
    file; rates given beside it win. `batch: 0.5` halves every rate per token in the batch lane, tiers and cached
    tokens included; a mapping names the rates that change there, with tiers of their own if any, and leaves the
    others as they are.

    Attributes:
        published: Vendor and model in `genai-prices` whose prices these are, or None.
        per_request: US dollars per call.
        web_search: US dollars per search the provider made.
        tiers: For long inputs.
        batch: In the batch lane; None means that it is not cheaper.
    """

    published: str | None = None
    input: Rate
    output: Rate
    per_request: Rate | None = None
    web_search: Rate | None = None
    tiers: tuple[Tier, ...] = ()
    batch: BatchRates | None = None

    @model_validator(mode="before")
    @classmethod
    def _published(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping) or not isinstance(named := given.get("published"), str):
            return given
        try:
            return {**published_rates(named, _moment(info.context)), **given}
        except LookupError as unknown:
            raise ValueError(str(unknown)) from unknown

    @field_validator("batch", mode="before")
    @classmethod
    def _factor(cls, given: Any, info: ValidationInfo) -> Any:
        """Expand a factor into rates."""
        if isinstance(given, bool) or not isinstance(given, (int, float, str, Decimal)):
            return given
        try:
            factor = Decimal(str(given))
        except ArithmeticError as wrong:
            raise ValueError("a factor is a number, such as 0.5") from wrong
        if not 0 <= factor <= 1:
            raise ValueError("a factor is between 0 and 1, such as 0.5")
        rates = {name: rate * factor for name in Rates.model_fields if (rate := info.data.get(name)) is not None}
        tiers = [
            {"above": tier.above} | {name: rate * factor for name, rate in tier.named().items()}
            for tier in info.data.get("tiers", ())
        ]
        return {**rates, "tiers": tiers}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Price:
        """Return a copy, with formulas of its own."""
        copy = super().model_copy(update=update, deep=deep)
        for worked_out in ("formula", "batch_formula"):
            copy.__dict__.pop(worked_out, None)
        return copy

    @cached_property
    def formula(self) -> Formula:
        """The price as `cost_of` computes with it."""
        steps = _steps(self.named(), self.tiers)
        return formula_of(list(steps), self.per_request, self.web_search)

    @cached_property
    def batch_formula(self) -> Formula:
        """The same for calls in the batch lane."""
        if self.batch is None:
            return self.formula
        changed = self.batch.named()
        kept = [Tier(above=tier.above, **_without(tier.named(), changed)) for tier in self.tiers]
        steps = _steps(self.named() | changed, (*kept, *self.batch.tiers))
        return formula_of(list(steps), self.per_request, self.web_search)


def _without(rates: dict[str, Decimal], names: Mapping[str, object]) -> dict[str, Any]:
    return {name: rate for name, rate in rates.items() if name not in names}


def _steps(rates: dict[str, Decimal], tiers: tuple[Tier, ...]) -> Iterator[tuple[int, dict[str, Decimal]]]:
    """Yield (input tokens to exceed, the rates that hold from there on), from short inputs to long ones."""
    yield 0, rates
    for tier in sorted(tiers, key=lambda tier: tier.above):  # stable: of the same length, the later one wins
        rates = rates | tier.named()
        yield tier.above, rates


def _moment(context: Any) -> datetime:
    """Return the moment whose prices are wanted: that of the price list."""
    day = context.get("date") if isinstance(context, Mapping) else None
    if isinstance(day, datetime):
        return day if day.tzinfo else day.replace(tzinfo=UTC)
    if isinstance(day, str):
        try:
            day = date.fromisoformat(day)
        except ValueError:
            day = None
    if not isinstance(day, date):
        raise ValueError("published prices need the date of the price list, such as date: 2026-11-23")
    return datetime.combine(day, MIDDAY, UTC)
