"""Which of our errors an HTTP answer without success is. Pure.

OpenAI, Anthropic and the servers that copy them put `{"error": {"type", "code", "param", "message"}}` in the body.
Status and the identifiers decide; the message is only looked at where providers leave no other trace, and never told:
providers quote keys and prompts in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from agents.providers.retry_after import retry_after
from schemas.errors import (
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

TIMEOUT_STATUSES = frozenset({408, 504})
BUSY_STATUSES = frozenset({409, 425})
BAD_REQUEST_STATUSES = frozenset({400, 422})
UNAUTHENTICATED, PAYMENT_REQUIRED, FORBIDDEN, NOT_FOUND, TOO_LARGE, RATE_LIMITED = 401, 402, 403, 404, 413, 429
FIRST_SERVER_ERROR = 500

QUOTA_NAMES = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached"})
CONTEXT_NAMES = frozenset({"context_length_exceeded", "request_too_large", "string_above_max_length"})
FILTER_NAMES = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
MODEL_NAMES = frozenset({"model_not_found", "deploymentnotfound", "unknown_model"})
_TOO_LONG = re.compile(r"prompt is too long|maximum context length|exceeds? the context window", re.IGNORECASE)


class _Detail(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None
    param: str | None = None
    message: str | None = None


class _Body(msgspec.Struct):
    error: _Detail


_decode = msgspec.json.Decoder(_Body).decode
_UNTOLD = _Detail()


def refusal(status: int, headers: Mapping[str, str], body: bytes, now: float) -> ProviderError:
    """Return the error that an answer without success is.

    Args:
        status: Of the answer.
        headers: By lower-case name.
        body: As received.
        now: Unix seconds, to read dates in `Retry-After`.
    """
    detail = _detail(body)
    told = _identifiers(detail)
    message = f"status {status} ({told})" if told else f"status {status}"
    names = {str(name).lower() for name in (detail.code, detail.type) if name is not None}
    if status < FIRST_SERVER_ERROR and (named := _by_name(names, detail, message)) is not None:
        return named
    return _by_status(status, message, retry_after(headers, now))


def error_name(body: bytes) -> str:
    """Return the identifiers of an error body for people, or an empty string."""
    return _identifiers(_detail(body))


def _by_name(names: set[str], detail: _Detail, message: str) -> ProviderError | None:
    """Return the error that the body's identifiers name whatever the status, or None."""
    if names & QUOTA_NAMES:
        return ProviderQuotaExhausted("provider_quota_exhausted", message)
    if names & CONTEXT_NAMES or _TOO_LONG.search(detail.message or ""):
        return ProviderContextLength("provider_context_length", message)
    if names & FILTER_NAMES:
        return ProviderContentFiltered("provider_content_filter", message)
    if names & MODEL_NAMES:
        return ProviderModelUnknown("provider_model_unknown", message)
    return None


def _by_status(status: int, message: str, wait: float | None) -> ProviderError:
    if status in TIMEOUT_STATUSES:
        return ProviderTimeout("provider_timeout", message, wait)
    if status == RATE_LIMITED:
        return ProviderRateLimited("provider_rate_limited", message, wait)
    if status >= FIRST_SERVER_ERROR or status in BUSY_STATUSES:
        return ProviderOverloaded("provider_overloaded", message, wait)
    if status == UNAUTHENTICATED:
        return ProviderUnauthenticated("provider_unauthenticated", f"{message}: the key is missing or wrong")
    if status == FORBIDDEN:
        return ProviderForbidden("provider_forbidden", f"{message}: the key lacks the right")
    if status == PAYMENT_REQUIRED:
        return ProviderQuotaExhausted("provider_quota_exhausted", message)
    if status == NOT_FOUND:
        return ProviderModelUnknown("provider_model_unknown", message)
    if status == TOO_LARGE:
        return ProviderContextLength("provider_context_length", message)
    if status in BAD_REQUEST_STATUSES:
        return ProviderBadRequest("provider_bad_request", message)
    return ProviderRefused("provider_refused", message)


def _detail(body: bytes) -> _Detail:
    try:
        return _decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _UNTOLD


def _identifiers(detail: _Detail) -> str:
    names = (detail.code, detail.type, detail.param)
    return ", ".join(str(name) for name in names if name is not None and str(name).replace("_", "").isalnum())
