"""What happens after a failed attempt: again after a pause, or on to the next target. Pure.

The rules:

- A retryable failure is tried again at the same target until its `attempts` are used up, or its retry budget is; then
  the next one is asked.
- A refusal is never repeated at the same target, but the next one is asked. A refusal costs nothing, and most are the
  target's own (a key without rights, a model not served here, a shorter context window); routing lists only targets
  that may answer. What offends a provider's content rules is put to nobody else.
- A provider that asks for a wait is not asked again before. When the wait is longer than any pause of ours, the next
  target is asked instead; without one it is waited for as long as the settings allow.
- A pause that would outlast the deadline is not begun: the next target is asked at once.
- After the last target the call ends with the last error.
"""

from __future__ import annotations

from schemas.errors import ProviderCircuitOpen, ProviderError
from schemas.settings import ProviderSettings

LOOK_SECONDS = 0.5
"""How often a call behind an open circuit breaker looks whether its fallback has become free."""
MAX_DOUBLINGS = 64  # any base has reached any cap by then, and the power stays a finite float


def backoff(settings: ProviderSettings, failures: int, draw: float, retry_after: float | None = None) -> float:
    """Return the pause before the next attempt in seconds: exponential with full jitter.

    What the provider asked for comes first, and jitter on top of it: it tells every caller the same.

    Args:
        settings: Of the provider; `backoff_seconds` doubles with each failure up to `backoff_max_seconds`.
        failures: Attempts failed at this target so far, at least 1.
        draw: Random, uniform in [0, 1).
        retry_after: Seconds the provider asked for.
    """
    longest: float = settings.backoff_max_seconds
    doublings = min(failures - 1, MAX_DOUBLINGS)
    return (retry_after or 0.0) + draw * min(longest, settings.backoff_seconds * 2.0**doublings)


def pause_before_retry(
    error: ProviderError,
    settings: ProviderSettings,
    *,
    failures: int,
    seconds_left: float,
    draw: float,
    has_fallback: bool = False,
) -> float | None:
    """Return the pause before the same target is asked again; None when it is not.

    Args:
        error: Why the attempt failed.
        settings: Of the provider that was asked.
        failures: Attempts failed at this target so far, this one included.
        seconds_left: Until the deadline; infinite without one.
        draw: Random, uniform in [0, 1).
        has_fallback: Whether another target can answer.
    """
    if not error.retryable or failures >= settings.attempts:
        return None
    if (error.retry_after or 0.0) > longest_wait(settings, has_fallback):
        return None
    pause = backoff(settings, failures, draw, error.retry_after)
    return pause if pause < seconds_left else None


def longest_wait(settings: ProviderSettings, has_fallback: bool) -> float:
    """Return the most seconds for which a provider may make a call wait."""
    return settings.backoff_max_seconds if has_fallback else settings.retry_after_max_seconds


def pause_while_held(
    error: ProviderError,
    settings: ProviderSettings,
    *,
    wait: float,
    held_seconds: float,
    has_fallback: bool,
    fallback_is_free: bool,
    has_answer: bool = False,
) -> float | None:
    """Return the pause before a call that was not let through asks again; None when the next target is asked.

    Behind an open circuit breaker a call turns to another target that would begin it now. It does not queue up there
    as long as it may hope for its own: the calls that one outage sets free would drown the next provider. A call that
    has an answer already, though one that does not hold, does not wait for a better one here.

    Args:
        error: Why it was not let through.
        settings: Of the provider that it waits for.
        wait: Seconds until it may be let through.
        held_seconds: How long it has been waiting so.
        has_fallback: Whether another target can answer.
        fallback_is_free: Whether that one would begin the call now.
        has_answer: Whether an earlier step of a cascade has answered.
    """
    if isinstance(error, ProviderCircuitOpen):
        if fallback_is_free or has_answer or held_seconds >= settings.breaker_open_max_seconds:
            return None
        return min(wait, LOOK_SECONDS) if has_fallback else wait
    if wait > longest_wait(settings, has_fallback) or held_seconds >= settings.retry_after_max_seconds:
        return None
    return wait
