"""Whole numbers that decisions are made with: comparing them is exact, fast, and the same on every machine.

Costs are counted in 10^-18 US dollars, a digit more than any price times any lane's share has. Qualities are counted
in millionths: nothing finer is knowable, and rounding there keeps the last bits of a float from deciding.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

COST_DIGITS = 18
COST_UNITS: int = 10**COST_DIGITS
QUALITY_UNITS = 1_000_000
LAMBDA_UNITS = 1_000_000
BURDEN_UNITS = float(QUALITY_UNITS * COST_UNITS)
REMEMBERED_TEXTS = 16_384


def cost_units(amount: Decimal) -> int:
    """Return US dollars in whole cost units; digits below are dropped."""
    return int(amount.scaleb(COST_DIGITS))


@lru_cache(REMEMBERED_TEXTS)  # every decision writes one per model, and lengths come again
def usd(units: int) -> str:
    """Return cost units as a plain decimal string of US dollars."""
    whole, rest = divmod(units, COST_UNITS)
    return f"{whole}.{rest:018d}".rstrip("0") if rest else str(whole)


def quality_units(quality: float) -> int:
    """Return a quality in [0, 1] in millionths."""
    return round(quality * QUALITY_UNITS)


def quality_of(units: int) -> float:
    """Return millionths as a quality in [0, 1]."""
    return units / QUALITY_UNITS


def lambda_units(per_usd: float) -> int:
    """Return lambda, in quality per US dollar, in millionths."""
    return round(per_usd * LAMBDA_UNITS)


def utility_of(burden: int) -> float:
    """Return the utility behind lambda * cost - quality in 10^-24; negative where the cost outweighs the quality."""
    return burden / -BURDEN_UNITS
