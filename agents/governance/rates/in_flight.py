"""How many requests of each scope are between admission and result."""

from __future__ import annotations

from collections.abc import Sequence


class InFlight:
    """Counts requests by scope.

    Each request is known by its key, with the scopes it was counted in: beginning or ending it twice counts once,
    and a scope that changes meanwhile leaks nothing. What is counted is rebuilt from the log with the partition.
    """

    def __init__(self) -> None:
        self._places: dict[str, Sequence[str]] = {}
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def count(self, place: str) -> int:
        """Return how many requests of a scope are in flight."""
        return self._counts.get(place, 0)

    def begin(self, key: str, places: Sequence[str]) -> None:
        """Count a request in these scopes, unless it is counted already."""
        if key in self._places:
            return
        self._places[key] = places
        for place in places:
            self._counts[place] = self._counts.get(place, 0) + 1

    def end(self, key: str) -> None:
        """Count a request no more; one that is not counted stays so."""
        for place in self._places.pop(key, ()):
            left = self._counts[place] - 1
            if left:
                self._counts[place] = left
            else:
                del self._counts[place]
