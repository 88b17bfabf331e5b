from __future__ import annotations

import json

import pytest

from agents.providers.refusals import error_name, refusal
from schemas.errors import (
    NextStep,
    ProviderBadRequest,
    ProviderContentFiltered,
    ProviderContextLength,
    ProviderError,
    ProviderForbidden,
    ProviderModelUnknown,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnauthenticated,
)

NOW = 1_800_000_000.0


def refused(status: int, **detail: object) -> ProviderError:
    return refusal(status, {}, json.dumps({"error": detail}).encode(), NOW)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (408, ProviderTimeout, "provider_timeout"),
        (504, ProviderTimeout, "provider_timeout"),
        (409, ProviderOverloaded, "provider_overloaded"),
        (429, ProviderRateLimited, "provider_rate_limited"),
        (500, ProviderOverloaded, "provider_overloaded"),
        (503, ProviderOverloaded, "provider_overloaded"),
        (529, ProviderOverloaded, "provider_overloaded"),
        (400, ProviderBadRequest, "provider_bad_request"),
        (422, ProviderBadRequest, "provider_bad_request"),
        (401, ProviderUnauthenticated, "provider_unauthenticated"),
        (402, ProviderQuotaExhausted, "provider_quota_exhausted"),
        (403, ProviderForbidden, "provider_forbidden"),
        (404, ProviderModelUnknown, "provider_model_unknown"),
        (413, ProviderContextLength, "provider_context_length"),
        (307, ProviderRefused, "provider_refused"),
        (418, ProviderRefused, "provider_refused"),
    ],
)
def test_every_status_has_its_kind(status: int, kind: type[ProviderError], code: str) -> None:
    error = refused(status, type="why", message="sk-secret")
    assert type(error) is kind
    assert error.code == code
    assert error.message.startswith(f"status {status} (why)")


@pytest.mark.parametrize(
    ("status", "detail", "kind"),
    [
        (400, {"code": "context_length_exceeded"}, ProviderContextLength),
        (
            400,
            {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8"},
            ProviderContextLength,
        ),
        (400, {"message": "This model's maximum context length is 8192 tokens."}, ProviderContextLength),
        (400, {"code": "content_policy_violation"}, ProviderContentFiltered),
        (400, {"code": "content_filter", "type": None}, ProviderContentFiltered),
        (400, {"code": "model_not_found"}, ProviderModelUnknown),
        (429, {"code": "insufficient_quota"}, ProviderQuotaExhausted),
        (429, {"type": "rate_limit_error"}, ProviderRateLimited),
        (500, {"code": "content_filter"}, ProviderOverloaded),
    ],
)
def test_identifiers_tell_more_than_the_status(
    status: int, detail: dict[str, object], kind: type[ProviderError]
) -> None:
    assert type(refused(status, **detail)) is kind


def test_a_wait_asked_for_is_kept() -> None:
    assert refusal(429, {"retry-after": "7"}, b"", NOW).retry_after == 7
    assert refusal(529, {"retry-after": "1"}, b"", NOW).retry_after == 1


def test_a_rejected_key_is_named_as_such() -> None:
    assert refused(401).message == "status 401: the key is missing or wrong"


def test_every_kind_says_what_follows_and_what_to_do() -> None:
    steps = {status: refused(status).next_step for status in (400, 401, 403, 404, 413, 429, 500, 529)}
    assert steps == dict.fromkeys((400, 401, 403, 404, 413), NextStep.NEXT) | {
        429: NextStep.WAIT,
        500: NextStep.RETRY,
        529: NextStep.RETRY,
    }
    assert refused(400, code="content_filter").next_step is NextStep.END
    remedies = {type(refused(status)): refused(status).remedy for status in (400, 401, 402, 403, 404, 413, 418, 429)}
    assert len(set(remedies.values())) == len(remedies)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (
            b'{"error": {"code": "rate_limit", "type": "requests", "message": "key sk-123 said: ..."}}',
            "rate_limit, requests",
        ),
        (b'{"error": {"code": 404, "param": "model"}}', "404, model"),
        (b'{"error": {"type": "the prompt was: hello"}}', ""),
        (b'{"error": "text"}', ""),
        (b"<html>", ""),
        (b"\xff", ""),
    ],
)
def test_of_an_error_only_identifiers_are_told(error: bytes, name: str) -> None:
    assert error_name(error) == name
