"""Single-flight: identical requests wait for the one that went first instead of paying again."""

from __future__ import annotations

import heapq
import math
from itertools import count

from streams.stage import Journey, deadline_of

STALE_SLACK = 64
"""Entries of landed flights tolerated among the deadlines before they are cleared out."""


class Flights:
    """Who leads for which fingerprint, and who waits for it, in order of arrival."""

    def __init__(self) -> None:
        self._leaders: dict[str, str] = {}
        self._waiting: dict[str, dict[int, Journey]] = {}
        self._slow: dict[str, float] = {}
        self._deadlines: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._held = 0

    def __len__(self) -> int:
        return len(self._leaders)

    @property
    def held(self) -> int:
        """Number of journeys waiting."""
        return self._held

    def leader_of(self, fingerprint: str) -> str | None:
        """Return the id of the request under way for this fingerprint, or None."""
        return self._leaders.get(fingerprint)

    def lead(self, fingerprint: str, request_id: str) -> None:
        """Name the request that goes for this fingerprint; those waiting now wait for it."""
        self._slow.pop(fingerprint, None)
        self._leaders[fingerprint] = request_id

    def slow_down(self, fingerprint: str, until: float) -> list[Journey]:
        """Know that the flight may take until then (Unix seconds); return those waiting whose deadline is earlier."""
        self._slow[fingerprint] = until
        waiting = self._waiting.get(fingerprint, {})
        return [journey for journey in waiting.values() if self.too_slow_for(fingerprint, journey)]

    def too_slow_for(self, fingerprint: str, journey: Journey) -> bool:
        """Return whether the flight may take longer than this journey has; without a deadline it has no time."""
        until = self._slow.get(fingerprint)
        return until is not None and (deadline_of(journey.request) or -math.inf) < until

    def hold(self, fingerprint: str, journey: Journey) -> None:
        """Keep a journey until the flight lands, its turn to lead comes or its deadline passes."""
        number = next(self._numbers)
        self._waiting.setdefault(fingerprint, {})[number] = journey
        self._held += 1
        deadline = deadline_of(journey.request)
        if deadline is not None:
            heapq.heappush(self._deadlines, (deadline, number, fingerprint))

    def land(self, fingerprint: str) -> list[Journey]:
        """End the flight; return those who waited."""
        self._slow.pop(fingerprint, None)
        self._leaders.pop(fingerprint, None)
        waited = self._waiting.pop(fingerprint, None)
        if waited is None:
            return []
        self._held -= len(waited)
        self._clear_stale()
        return list(waited.values())

    def first_waiting(self, fingerprint: str) -> Journey | None:
        """Take the one who waited longest out of the queue, or None."""
        waiting = self._waiting.get(fingerprint)
        if not waiting:
            return None
        return self._take(fingerprint, next(iter(waiting)))

    def release(self, journey: Journey) -> None:
        """Take a journey out of the queue it waits in, if it does; looks through all of them."""
        for fingerprint, waiting in self._waiting.items():
            for number, held in waiting.items():
                if held is journey:
                    self._take(fingerprint, number)
                    return

    def overdue(self, now: float) -> list[Journey]:
        """Take out those whose deadline has passed; their flights go on."""
        late = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, number, fingerprint = heapq.heappop(self._deadlines)
            if number in self._waiting.get(fingerprint, ()):
                late.append(self._take(fingerprint, number))
        return late

    def next_deadline(self) -> float | None:
        """Return the Unix seconds of the next deadline that may pass, or None."""
        return self._deadlines[0][0] if self._deadlines else None

    def _take(self, fingerprint: str, number: int) -> Journey:
        waiting = self._waiting[fingerprint]
        journey = waiting.pop(number)
        if not waiting:
            del self._waiting[fingerprint]
        self._held -= 1
        return journey

    def _clear_stale(self) -> None:
        """Forget deadlines of journeys that left, once they outnumber the rest: bulk deadlines are a day away."""
        if len(self._deadlines) > 2 * self._held + STALE_SLACK:
            self._deadlines = [entry for entry in self._deadlines if entry[1] in self._waiting.get(entry[2], ())]
            heapq.heapify(self._deadlines)
