"""A price as sums: what each count of a usage adds to the cost.

Kinds of tokens contain each other: cached audio is part of the cached tokens, of the audio and of the input. A rate
per kind therefore becomes a surcharge, the difference to what the kinds around it have charged already, and the cost
is one sum over counts. The surcharges are worked out once per price, so that a cost takes as few multiplications as
the price has rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

TOKENS_PER_PRICE_UNIT = Decimal(1_000_000)
NOTHING = Decimal(0)


class Kind(NamedTuple):
    """A kind of tokens.

    Attributes:
        field: Field of the usage that counts them.
        sent: Whether they are input.
        traits: What tells them from others; a kind is part of every kind with fewer of its traits.
    """

    field: str
    sent: bool
    traits: frozenset[str]

    @property
    def caching(self) -> bool:
        """Whether they exist because the provider caches."""
        return bool(self.traits & {"read", "write"})


KINDS = {
    "input": Kind("input_tokens", True, frozenset()),
    "cached_input": Kind("cached_input_tokens", True, frozenset({"read"})),
    "cache_write": Kind("cache_write_tokens", True, frozenset({"write"})),
    "cache_write_1h": Kind("cache_write_1h_tokens", True, frozenset({"write", "1h"})),
    "input_audio": Kind("input_audio_tokens", True, frozenset({"audio"})),
    "cached_audio": Kind("cached_audio_tokens", True, frozenset({"audio", "read"})),
    "input_image": Kind("input_image_tokens", True, frozenset({"image"})),
    "output": Kind("output_tokens", False, frozenset()),
    "reasoning": Kind("reasoning_tokens", False, frozenset({"reasoning"})),
    "output_audio": Kind("output_audio_tokens", False, frozenset({"audio"})),
    "output_image": Kind("output_image_tokens", False, frozenset({"image"})),
}
"""By the name of their rate, each behind those it is part of."""

Surcharges = tuple[tuple[str, Decimal], ...]
"""(field of the usage, US dollars per million that it adds)."""


class Formula(NamedTuple):
    """A price, worked out.

    Attributes:
        input: Per million tokens sent.
        output: Per million tokens generated.
        cached: What a million cached tokens add: negative when they are cheaper.
        plain: What other kinds add.
        caching: What kinds add that exist because the provider caches.
        fee: Per million calls.
        above: Input tokens that a call must exceed for this formula.
        longer: The formula for the next longer inputs, or None.
    """

    input: Decimal
    output: Decimal
    cached: Decimal
    plain: Surcharges
    caching: Surcharges
    fee: Decimal
    above: int
    longer: Formula | None


def formula_of(
    steps: Sequence[tuple[int, Mapping[str, Decimal]]], per_request: Decimal | None, web_search: Decimal | None
) -> Formula:
    """Return the formula of a price.

    Args:
        steps: (input tokens to exceed, rates by name), from short inputs to long ones; all rates, not just the new.
        per_request: US dollars per call.
        web_search: US dollars per search.
    """
    searches: Surcharges = () if web_search is None else (("web_searches", web_search * TOKENS_PER_PRICE_UNIT),)
    fee = NOTHING if per_request is None else per_request * TOKENS_PER_PRICE_UNIT
    longer: Formula | None = None
    for above, rates in reversed(steps):
        surcharges = _surcharges(rates)
        others = {
            caching: tuple(
                (KINDS[name].field, amount)
                for name, amount in surcharges.items()
                if amount and name not in {"input", "output", "cached_input"} and KINDS[name].caching is caching
            )
            for caching in (False, True)
        }
        longer = Formula(
            rates.get("input", NOTHING),
            rates.get("output", NOTHING),
            surcharges.get("cached_input", NOTHING),
            others[False] + searches,
            others[True],
            fee,
            above,
            longer,
        )
    assert longer is not None, "a price has at least one step"
    return longer


def _surcharges(rates: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return what each kind adds to the kinds it is part of."""
    known = dict(rates)
    if "input_audio" in known and "cached_input" in known:
        known.setdefault("cached_audio", known["cached_input"])  # else both differences would be taken
    added: dict[str, Decimal] = {}
    for name, kind in sorted(KINDS.items(), key=lambda item: len(item[1].traits)):
        if name in known:
            around = (
                added[other]
                for other, outer in KINDS.items()
                if other in added and outer.sent is kind.sent and outer.traits < kind.traits
            )
            added[name] = known[name] - sum(around, NOTHING)
    return added
