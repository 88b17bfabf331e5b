"""What a provider still allows, as the headers of its answers say. Pure.

OpenAI sends `x-ratelimit-remaining-requests` with a time span (`x-ratelimit-reset-requests: 6m0.5s`), and Anthropic
`anthropic-ratelimit-requests-remaining` with a date (`anthropic-ratelimit-requests-reset: 2026-01-15T08:00:30Z`);
both also for tokens. A reset is when the whole allowance is there again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from agents.providers.retry_after import number

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_SECONDS_PER_UNIT = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_ANTHROPIC_TOKENS = ("tokens", "input-tokens", "output-tokens")


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """What is left of one limit.

    Attributes:
        left: Requests or tokens.
        resets_in: Seconds until all of it is there again.
    """

    left: float
    resets_in: float


class RateLimits(msgspec.Struct, frozen=True, gc=False):
    """What is left, as one answer told; None where it did not."""

    requests: Allowance | None = None
    tokens: Allowance | None = None


def rate_limits(headers: Mapping[str, str], now: float) -> RateLimits | None:
    """Read the limits from an answer's headers; None when it tells none.

    Args:
        headers: By lower-case name.
        now: Unix seconds, to read dates.
    """
    if "x-ratelimit-remaining-requests" in headers or "x-ratelimit-remaining-tokens" in headers:
        return RateLimits(_openai(headers, "requests"), _openai(headers, "tokens"))
    requests = _anthropic(headers, "requests", now)
    tokens = [found for kind in _ANTHROPIC_TOKENS if (found := _anthropic(headers, kind, now)) is not None]
    if requests is None and not tokens:
        return None
    return RateLimits(requests, min(tokens, key=lambda each: each.left) if tokens else None)


def _openai(headers: Mapping[str, str], kind: str) -> Allowance | None:
    left = number(headers.get(f"x-ratelimit-remaining-{kind}"))
    resets_in = span_seconds(headers.get(f"x-ratelimit-reset-{kind}"))
    return None if left is None or resets_in is None else Allowance(left, resets_in)


def _anthropic(headers: Mapping[str, str], kind: str, now: float) -> Allowance | None:
    left = number(headers.get(f"anthropic-ratelimit-{kind}-remaining"))
    if left is None:
        return None
    try:
        date = datetime.fromisoformat(headers.get(f"anthropic-ratelimit-{kind}-reset", ""))
    except ValueError:
        return None
    return None if date.tzinfo is None else Allowance(left, max(0.0, date.timestamp() - now))


def span_seconds(value: str | None) -> float | None:
    """Return the seconds of a span such as `1s`, `6m0s` or `17ms`, or of a plain number; None when it is neither."""
    plain = number(value)
    if plain is not None or not value:
        return plain
    found = _SPAN.fullmatch(value.strip())
    if found is None or not any(found.groups()):
        return None
    return sum(float(part or 0) * unit for part, unit in zip(found.groups(), _SECONDS_PER_UNIT, strict=True))
