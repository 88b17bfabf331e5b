"""Which usage events are counted, so that each counts once, and from where on a successor must look."""

from __future__ import annotations

from itertools import count, islice
from typing import NamedTuple

REMEMBERED = 5_000
"""Newest usage events known by id: one that a dying worker had sent may land on the log this much later again."""


class _Booked(NamedTuple):
    offset: int
    tenant: str


class Bookings:
    """What is counted of the usage of one partition.

    Several stretches of usage may be on their way to the log at once and be heard of in another order than they lie
    there. So a position such that all before it is counted is not the newest offset heard of, but where the log ended
    when the oldest stretch under way was sent; what is counted behind it is named by id.
    """

    def __init__(self) -> None:
        self._booked: dict[str, _Booked] = {}
        self._position = 0
        self._on_the_way: dict[int, int] = {}
        self._numbers = count()

    @property
    def position(self) -> int:
        """Return an offset before which everything is counted."""
        return min(self._on_the_way.values(), default=self._position)

    @property
    def recall_from(self) -> int:
        """Return from where on a successor must read usage."""
        return max(0, self._position - REMEMBERED)

    def resume(self, position: int) -> None:
        """Go on where a predecessor had counted everything before this offset."""
        self._position = max(self._position, position)

    def begin(self) -> int:
        """Note that a stretch is sent; return its number."""
        number = next(self._numbers)
        self._on_the_way[number] = self._position
        return number

    def end(self, number: int) -> None:
        """Note that all of a stretch is counted."""
        del self._on_the_way[number]
        if len(self._booked) > 2 * REMEMBERED:
            self._forget()

    def book(self, usage_id: str, tenant: str, offset: int) -> bool:
        """Note that an event lies at this offset; return whether it must be counted, as it was not before."""
        self._position = max(self._position, offset + 1)
        if usage_id in self._booked:
            return False
        self._booked[usage_id] = _Booked(offset, tenant)
        return True

    def counted_behind(self, position: int, tenant: str) -> list[str]:
        """Return the ids of an organization's events that are counted and lie at or behind an offset."""
        if position >= self._position:
            return []
        return [
            name for name, booked in self._booked.items() if booked.offset >= position and booked.tenant == tenant
        ]

    def _forget(self) -> None:
        position = self.position
        for name in list(islice(self._booked, len(self._booked) - REMEMBERED)):
            if self._booked[name].offset < position:
                del self._booked[name]
