"""What happens after a failed attempt: again after a pause, or on to the next target. Pure.

The rules:

- A retryable failure is tried again at the same target until its `attempts` are used up; then the next one is asked.
- A refusal is never repeated at the same target, but the next one is asked. A refusal costs nothing, and most are the
  target's own (a key without rights, a model not served here, a shorter context window); routing lists only targets
  that may answer.
- A pause that would outlast the deadline is not begun: the next target is asked at once.
- After the last target the call ends with the last error.
"""

from __future__ import annotations

from schemas.errors import ProviderError
from schemas.settings import ProviderSettings

MAX_DOUBLINGS = 64  # any base has reached any cap by then, and the power stays a finite float


def backoff(settings: ProviderSettings, failures: int, draw: float, retry_after: float | None = None) -> float:
    """Return the pause before the next attempt in seconds: exponential with full jitter.

    What the provider asked for comes first, and jitter on top of it: it tells every caller the same.

    Args:
        settings: Of the provider; `backoff_seconds` doubles with each failure up to `backoff_max_seconds`, which caps
            the provider's wish too.
        failures: Attempts failed at this target so far, at least 1.
        draw: Random, uniform in [0, 1).
        retry_after: Seconds the provider asked for.
    """
    longest: float = settings.backoff_max_seconds
    doublings = min(failures - 1, MAX_DOUBLINGS)
    return min(longest, (retry_after or 0.0) + draw * min(longest, settings.backoff_seconds * 2.0**doublings))


def pause_before_retry(
    error: ProviderError, settings: ProviderSettings, *, failures: int, seconds_left: float, draw: float
) -> float | None:
    """Return the pause before the same target is asked again; None when it is not.

    Args:
        error: Why the attempt failed.
        settings: Of the provider that was asked.
        failures: Attempts failed at this target so far, this one included.
        seconds_left: Until the deadline; infinite without one.
        draw: Random, uniform in [0, 1).
    """
    if not error.retryable or failures >= settings.attempts:
        return None
    pause = backoff(settings, failures, draw, error.retry_after)
    return pause if pause < seconds_left else None
