"""What may go wrong at a provider, and which call meets what: drawn by hashes, so that a run can be repeated."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

HASH_RANGE = 2**32


class Fault(Enum):
    """One way in which a call goes wrong."""

    RATE_LIMITED = "429 with Retry-After"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    OVERLOADED = "529"
    DROPPED = "the connection is reset"
    BROKEN_OFF = "the connection ends in the middle of the answer"
    TRUNCATED = "the JSON ends in the middle"
    MALFORMED = "the body is no JSON"
    HUNG = "no answer"
    SLOW_BODY = "half of the body comes late"
    WRONG_USAGE = "the usage is nonsense"
    CONTENT_FILTER = "the rules forbid an answer"
    CONTEXT_LENGTH = "the request is too long"
    BAD_REQUEST = "the request is malformed"
    UNAUTHENTICATED = "the key is wrong"
    FORBIDDEN = "the key lacks the right"
    UNKNOWN_MODEL = "the model does not exist"
    NO_QUOTA = "the account is empty"


PASSING = (
    Fault.RATE_LIMITED,
    Fault.SERVER_ERROR,
    Fault.UNAVAILABLE,
    Fault.OVERLOADED,
    Fault.DROPPED,
    Fault.BROKEN_OFF,
    Fault.TRUNCATED,
    Fault.MALFORMED,
    Fault.HUNG,
    Fault.SLOW_BODY,
    Fault.WRONG_USAGE,
)
"""Another attempt, or this one with patience, gets an answer."""

LASTING = (Fault.CONTENT_FILTER, Fault.CONTEXT_LENGTH, Fault.BAD_REQUEST)
"""The request itself is at fault: so it goes at every attempt."""

PAID = frozenset({Fault.BROKEN_OFF, Fault.TRUNCATED, Fault.MALFORMED, Fault.SLOW_BODY, Fault.WRONG_USAGE})
"""The model has answered, and the provider charges for it, delivered or not."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as faults are drawn for it."""

    request_id: str
    attempt: int


Faults = Callable[[Asked], Fault | None]


def no_faults(asked: Asked) -> None:
    """Let every call succeed."""
    del asked


def drawn_faults(passing: float, lasting: float = 0.0) -> Faults:
    """Return faults that strike these shares of attempts (passing) and of requests (lasting)."""

    def draw(asked: Asked) -> Fault | None:
        if (fault := _drawn(asked.request_id, LASTING, lasting)) is not None:
            return fault
        return _drawn(f"{asked.request_id}/{asked.attempt}", PASSING, passing)

    return draw


def lasting_fault(request_id: str, lasting: float) -> Fault | None:
    """Return the fault that every attempt of this request meets, or None."""
    return _drawn(request_id, LASTING, lasting)


def _drawn(name: str, kinds: tuple[Fault, ...], share: float) -> Fault | None:
    # Hashed twice: the CRCs of two names of one length differ by the same bits for every pair.
    draw = zlib.crc32(b"%d" % zlib.crc32(name.encode())) / HASH_RANGE
    return kinds[int(draw / share * len(kinds))] if draw < share else None
