"""What submit needs to know of a result: the few fields it counts by, read from the event's bytes."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class BaselineCost(msgspec.Struct, frozen=True):
    """What the request would have cost at the tenant's reference model."""

    cost_usd: Decimal


class Outcome(msgspec.Struct, frozen=True):
    """The fields of a result that are counted; the rest is passed on as it came."""

    id: str
    status: str
    tenant: str | None = None
    cost_usd: Decimal = Decimal(0)
    baseline: BaselineCost | None = None


decode_outcome = msgspec.json.Decoder(Outcome).decode
