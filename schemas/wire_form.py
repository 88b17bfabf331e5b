"""The form of what is written to public topics, and the twin of what results say of steps."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Wire(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of what is written to public topics; absent means the contract's default."""


def plain(amount: Decimal) -> str:
    """Return an exact amount as a decimal string without exponent."""
    text = str(amount)  # three times as fast as formatting, and the same unless it takes an exponent
    return format(amount, "f") if "E" in text else text


class TakenRecord(Wire, frozen=True, gc=False):
    """Twin of `TakenStep`."""

    name: str
    source: str
    cost_usd: str
    source_request_id: str | None = None
    age_seconds: float | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
