"""How the providers are doing, for whoever chooses among them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

import msgspec


class Circuit(StrEnum):
    """State of a circuit breaker."""

    CLOSED = "closed"  # calls are made
    OPEN = "open"  # no call is made
    HALF_OPEN = "half_open"  # a few calls probe whether others may follow


class LaneHealth(msgspec.Struct, frozen=True):
    """One model at one provider, as one worker sees it.

    Attributes:
        circuit: Of its circuit breaker.
        openings: How often that has opened.
        failure_share: Of the newest calls, between 0 and 1.
        in_flight: Calls under way at the provider, of all its models.
        limit: How many may be under way there now.
        waiting: Calls that wait for a slot there, or for this model.
        held: Of these, the ones that only wait for this model.
        attempts: Calls made there so far.
        retries: Of these, the repeated ones.
        outcomes: Of those that ended: how many brought an answer (`answered`), were cut or met a bug (`cut`), or
            failed with each code.
        durations: Of those that brought an answer: one count per bucket of how long they took.
        seconds: How long those took together.
    """

    provider: str
    model: str
    circuit: Circuit
    openings: int
    failure_share: float
    in_flight: int
    limit: int
    waiting: int
    held: int
    attempts: int
    retries: int
    outcomes: dict[str, int]
    durations: tuple[int, ...]
    seconds: float


class ProviderHealth(Protocol):
    """What knows how the providers are doing."""

    def available(self, provider: str, model: str) -> bool:
        """Return whether a call there would be made now; costs less than a microsecond."""
        ...

    def down(self) -> frozenset[str]:
        """Return the providers where no call to any model asked so far would be made now."""
        ...

    def health(self) -> Iterable[LaneHealth]:
        """Return every lane that has been asked so far."""
        ...
