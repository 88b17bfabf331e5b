"""The open window of each lane, and when it closes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.result import Lane
from schemas.settings import WindowSettings
from streams.stage import Journey, deadline_of


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """A window closes when it holds `size` requests or has been open for `seconds`."""

    size: int
    seconds: float


class RequestQueue:
    """The open window of one lane."""

    def __init__(self, limits: WindowLimits) -> None:
        self._limits = limits
        self._journeys: list[Journey] = []
        self._closes_at = math.inf
        self._first_deadline = math.inf

    def __len__(self) -> int:
        return len(self._journeys)

    @property
    def full(self) -> bool:
        """Whether the window has reached its size."""
        return len(self._journeys) >= self._limits.size

    @property
    def next_due(self) -> float:
        """Unix seconds at which the window closes or a request in it expires; infinite when it is empty."""
        return min(self._closes_at, self._first_deadline)

    def add(self, journey: Journey, now: float) -> None:
        """Put a journey into the window; the first one opens it."""
        if not self._journeys:
            self._closes_at = now + self._limits.seconds
        self._journeys.append(journey)
        deadline = deadline_of(journey.request)
        if deadline is not None and deadline < self._first_deadline:
            self._first_deadline = deadline

    def due(self, now: float) -> list[Journey]:
        """Take out everything when the window's time has come, otherwise those whose deadline has passed."""
        if now >= self._closes_at:
            return self.close()
        if now < self._first_deadline:
            return []
        late = [journey for journey in self._journeys if _deadline(journey) <= now]
        self._retain([journey for journey in self._journeys if _deadline(journey) > now])
        return late

    def close(self) -> list[Journey]:
        """Take out everything."""
        closed = self._journeys
        self._retain([])
        return closed

    def evict(self, partition: int) -> list[Journey]:
        """Take out the journeys of one partition."""
        evicted = [journey for journey in self._journeys if journey.partition == partition]
        if evicted:
            self._retain([journey for journey in self._journeys if journey.partition != partition])
        return evicted

    def withdraw(self, journey: Journey) -> None:
        """Take out one journey, if it is there."""
        if any(held is journey for held in self._journeys):
            self._retain([held for held in self._journeys if held is not journey])

    def _retain(self, journeys: list[Journey]) -> None:
        self._journeys = journeys
        self._first_deadline = min(map(_deadline, journeys), default=math.inf)
        if not journeys:
            self._closes_at = math.inf


class BatchScheduler:
    """The windows of all lanes. Interactive comes first wherever both lanes have something to give.

    Args:
        limits: When a window closes, by lane.
    """

    def __init__(self, limits: Mapping[Lane, WindowLimits]) -> None:
        self._limits = limits
        self._queues = {lane: RequestQueue(limits[lane]) for lane in (Lane.INTERACTIVE, Lane.BULK)}

    @classmethod
    def of(cls, settings: WindowSettings) -> BatchScheduler:
        """Return the scheduler of this configuration."""
        return cls(
            {
                Lane.INTERACTIVE: WindowLimits(settings.interactive_size, settings.interactive_seconds),
                Lane.BULK: WindowLimits(settings.bulk_size, settings.bulk_seconds),
            }
        )

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def passes(self, lane: Lane) -> bool:
        """Return whether requests of this lane go straight through, without a window."""
        return self._limits[lane].seconds == 0

    def add(self, journey: Journey, now: float) -> list[Journey]:
        """Put a journey into its lane's window; return the window's journeys if that filled it."""
        queue = self._queues[journey.lane]
        queue.add(journey, now)
        return queue.close() if queue.full else []

    def due(self, now: float) -> list[Journey]:
        """Take out what is due: journeys of windows whose time has come, and those past their deadline."""
        return [journey for queue in self._queues.values() for journey in queue.due(now)]

    def next_due(self) -> float | None:
        """Return the Unix seconds at which `due` next has something to give, or None."""
        soonest = min(queue.next_due for queue in self._queues.values())
        return None if soonest == math.inf else soonest

    def close_all(self) -> list[Journey]:
        """Take out everything."""
        return [journey for queue in self._queues.values() for journey in queue.close()]

    def withdraw(self, journey: Journey) -> None:
        """Take one journey out of its window, if it is in one."""
        for queue in self._queues.values():
            queue.withdraw(journey)

    def evict(self, partition: int) -> list[Journey]:
        """Take out the journeys of one partition."""
        return [journey for queue in self._queues.values() for journey in queue.evict(partition)]


def _deadline(journey: Journey) -> float:
    deadline = deadline_of(journey.request)
    return math.inf if deadline is None else deadline
