"""What a caller is told when there is no answer: a code, what happened, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.batch import Failure
from schemas.errors import ProviderError

DEADLINE_EXCEEDED = "deadline_exceeded"
INTERNAL_ERROR = "internal_error"
UNKNOWN_PROVIDER = "provider_unknown"
NO_TARGET = "no_target"

REMEDY_DEADLINE = "Give the request a later deadline, or choose a faster model."
REMEDY_REPORT = "Report this to the operator; the worker's log has the details under the request id."
REMEDY_CONFIGURE = "Have the operator add the provider to `providers` in the configuration of every worker."


def expired(attempts: int) -> Failure:
    """Return the failure of a call whose deadline came first."""
    made = f"during attempt {attempts}" if attempts else "before the first attempt"
    return Failure(DEADLINE_EXCEEDED, f"the deadline passed {made}", REMEDY_DEADLINE, expired=True)


def exhausted(error: ProviderError, complaints: Sequence[str], attempts: int) -> Failure:
    """Return the failure of a call that no target could answer.

    Args:
        error: The last one; its code is the failure's.
        complaints: The last error of every target.
        attempts: Provider calls made.
    """
    remedy = REMEDY_CONFIGURE if error.code == UNKNOWN_PROVIDER else error.remedy
    return Failure(error.code, f"no answer after {attempts} attempts: {'; '.join(complaints)}", remedy)


def bug(raised: BaseException) -> Failure:
    """Return the failure of a call that met a bug, without the exception's text, which may quote the request."""
    return Failure(INTERNAL_ERROR, f"unexpected {type(raised).__name__} while calling the provider", REMEDY_REPORT)


NOWHERE_TO_GO = Failure(NO_TARGET, "the call names no target", REMEDY_REPORT)
