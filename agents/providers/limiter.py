"""How many calls may be under way at one provider, and who is next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Caller = TypeVar("Caller", bound=Hashable)


class Limiter(Generic[Caller]):
    """Slots given out first come, first served; nobody polls: whoever frees a slot asks who is `next`.

    Args:
        limit: Slots at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self._waiting: OrderedDict[Caller, None] = OrderedDict()

    @property
    def backlog(self) -> int:
        """Callers waiting for a slot."""
        return len(self._waiting)

    @property
    def free(self) -> bool:
        """Whether a slot is free."""
        return self.in_flight < self.limit

    def enter(self, caller: Caller) -> bool:
        """Take a slot, or queue up behind those already waiting; returns whether the slot was taken."""
        if self.free and not self._waiting:
            self.in_flight += 1
            return True
        self._waiting[caller] = None
        return False

    def queue(self, caller: Caller) -> None:
        """Queue up, whether a slot is free or not."""
        self._waiting[caller] = None

    def leave(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1

    def next(self) -> Caller | None:
        """Give a free slot to the caller that waited longest; None when nobody waits or no slot is free."""
        if not self._waiting or not self.free:
            return None
        self.in_flight += 1
        return self._waiting.popitem(last=False)[0]

    def waiting(self) -> list[Caller]:
        """Return the callers that wait, in order."""
        return list(self._waiting)

    def withdraw(self, caller: Caller) -> None:
        """Forget a caller that no longer waits; does nothing when it did not."""
        self._waiting.pop(caller, None)
