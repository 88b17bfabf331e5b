from __future__ import annotations

import pytest

from agents.providers.headroom import Headroom
from agents.providers.rate_limits import Allowance, RateLimits, rate_limits, span_seconds
from agents.providers.retry_after import retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d", 86_400.0),
        ("2m59.56s", 179.56),
        ("1s500ms", 1.5),
        ("17", 17.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("5 s", None),
    ],
)
def test_spans_are_read(value: str | None, seconds: float | None) -> None:
    found = span_seconds(value)
    assert found == (None if seconds is None else pytest.approx(seconds))


def test_openai_s_headers_are_read() -> None:
    headers = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-remaining-tokens": "29000",
        "x-ratelimit-reset-tokens": "1m2s",
    }
    assert rate_limits(headers, NOW) == RateLimits(Allowance(499, 0.12), Allowance(29000, 62))


def test_anthropic_s_headers_are_read_and_its_scarcest_tokens_count() -> None:
    headers = {
        "anthropic-ratelimit-requests-remaining": "3",
        "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:30Z",
        "anthropic-ratelimit-input-tokens-remaining": "100",
        "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:00:10Z",
        "anthropic-ratelimit-output-tokens-remaining": "50",
        "anthropic-ratelimit-output-tokens-reset": "2027-01-15T07:00:00Z",
    }
    assert rate_limits(headers, NOW) == RateLimits(Allowance(3, 30.0), Allowance(50, 0.0))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"anthropic-ratelimit-requests-remaining": "3"},
        {"anthropic-ratelimit-requests-remaining": "3", "anthropic-ratelimit-requests-reset": "soon"},
        {"anthropic-ratelimit-requests-remaining": "3", "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:30"},
    ],
)
def test_what_cannot_be_read_tells_nothing(headers: dict[str, str]) -> None:
    assert rate_limits(headers, NOW) is None


def test_half_told_limits_of_openai_s_tell_nothing() -> None:
    assert rate_limits({"x-ratelimit-remaining-requests": "1"}, NOW) == RateLimits(None, None)


def test_milliseconds_to_wait_come_before_seconds() -> None:
    assert retry_after({"retry-after-ms": "1500", "retry-after": "2"}, NOW) == 1.5
    assert retry_after({"retry-after-ms": "soon", "retry-after": "2"}, NOW) == 2
    assert retry_after({}, NOW) is None
    assert retry_after({"retry-after": "Fri, 99 Jan 2027 08:00:30 GMT"}, NOW) is None


def test_nothing_is_held_back_before_anything_was_told() -> None:
    assert Headroom().wait(1e9, NOW) == 0


def test_what_is_left_is_used_up_and_comes_back_with_the_reset() -> None:
    headroom = Headroom()
    headroom.tell(RateLimits(Allowance(2, 10), None), 1.0, NOW)
    for _ in range(2):
        assert headroom.wait(5, NOW) == 0
        headroom.spend(5)
    assert headroom.wait(5, NOW) == 10
    assert headroom.wait(5, NOW + 10) == 0


def test_tokens_are_held_back_too_and_a_share_is_a_share() -> None:
    headroom = Headroom()
    headroom.tell(RateLimits(None, Allowance(100, 10)), 0.5, NOW)
    assert headroom.wait(50, NOW) == 0
    assert headroom.wait(51, NOW) == 10
