"""The open windows of each lane, and when they close."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agents.windows.groups import Group, group_of
from schemas.result import Lane
from schemas.settings import WindowSettings
from streams.stage import Journey, deadline_of

GATHERING = (Lane.INTERACTIVE, Lane.BULK)
"""Lanes with windows; what travels in the batch lane gathers where its jobs are made."""


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """A window closes when it holds `size` requests or `tokens` input tokens, or has been open for `seconds`.

    Attributes:
        prefix_chars: Characters of the input that requests of one window share; None puts all in one window.
    """

    size: int
    seconds: float
    tokens: float = math.inf
    prefix_chars: int | None = None

    def group_of(self, journey: Journey) -> Group | None:
        """Return what tells the journey's window from the others."""
        return None if self.prefix_chars is None else group_of(journey.request, self.prefix_chars, journey.prefix)


@dataclass(slots=True)
class _Window:
    """A window that is not `ready` before the provider has what its requests begin with, which they wait for."""

    closes_at: float
    ready_at: float
    journeys: list[Journey] = field(default_factory=list)
    tokens: int = 0

    def retain(self, journeys: list[Journey]) -> None:
        self.journeys = journeys
        self.tokens = sum(journey.input_tokens for journey in journeys)


class RequestQueue:
    """The open windows of one lane, by group, in the order in which they were opened."""

    def __init__(self, limits: WindowLimits) -> None:
        self._limits = limits
        self._windows: dict[Group | None, _Window] = {}
        self._first_deadline = math.inf

    def __len__(self) -> int:
        return sum(len(window.journeys) for window in self._windows.values())

    @property
    def next_due(self) -> float:
        """Unix seconds at which a window closes or a request in one expires; infinite when all are empty."""
        closing = min((window.closes_at for window in self._windows.values()), default=math.inf)
        return min(closing, self._first_deadline)

    def add(self, journey: Journey, now: float) -> list[Journey]:
        """Put a journey into its window; return what the window holds if that filled it.

        The first of a prefix goes ahead, so that the provider has the prefix in its cache when the others come. Where
        it is known that the provider is being given one, the window stays open until it should have it.
        """
        group = self._limits.group_of(journey)
        window = self._windows.get(group)
        if window is None:
            shared = journey.prefix
            ready_at = now if shared is None else shared.ready_at
            window = self._windows[group] = _Window(max(now + self._limits.seconds, ready_at), ready_at)
            warm = shared is not None and bool(shared.cuts) and not shared.first
            if group is not None and group.prefix is not None and not warm:
                return [journey]
        window.journeys.append(journey)
        window.tokens += journey.input_tokens
        full = len(window.journeys) >= self._limits.size or window.tokens >= self._limits.tokens
        if full and window.ready_at <= now:
            del self._windows[group]
            if not self._windows:
                self._first_deadline = math.inf
            return window.journeys
        self._first_deadline = min(self._first_deadline, _deadline(journey))
        return []

    def due(self, now: float) -> list[Journey]:
        """Take out the windows whose time has come, and of the others those whose deadline has passed."""
        left: list[Journey] = []
        for group, window in list(self._windows.items()):
            if now >= window.closes_at:
                left += self._windows.pop(group).journeys
        if now >= self._first_deadline:
            left += self._take(lambda journey: _deadline(journey) <= now)
        elif left:
            self._tidy()
        return left

    def close(self) -> list[Journey]:
        """Take out everything."""
        return self._take(lambda journey: True)

    def evict(self, partition: int) -> list[Journey]:
        """Take out the journeys of one partition."""
        return self._take(lambda journey: journey.partition == partition)

    def withdraw(self, journey: Journey) -> None:
        """Take out one journey, if it is there."""
        self._take(lambda held: held is journey)

    def _take(self, wanted: Callable[[Journey], bool]) -> list[Journey]:
        taken: list[Journey] = []
        for window in self._windows.values():
            found = [journey for journey in window.journeys if wanted(journey)]
            if found:
                taken += found
                window.retain([journey for journey in window.journeys if not wanted(journey)])
        self._tidy()
        return taken

    def _tidy(self) -> None:
        self._windows = {group: window for group, window in self._windows.items() if window.journeys}
        held = (journey for window in self._windows.values() for journey in window.journeys)
        self._first_deadline = min(map(_deadline, held), default=math.inf)


class BatchScheduler:
    """The windows of all lanes. Interactive comes first wherever both lanes have something to give.

    Args:
        limits: When a window closes, by lane.
    """

    def __init__(self, limits: Mapping[Lane, WindowLimits]) -> None:
        self._limits = limits
        self._queues = {lane: RequestQueue(limits[lane]) for lane in GATHERING}

    @classmethod
    def of(cls, settings: WindowSettings) -> BatchScheduler:
        """Return the scheduler of this configuration."""
        bulk = WindowLimits(settings.bulk_size, settings.bulk_seconds, settings.bulk_tokens, settings.prefix_chars)
        interactive = WindowLimits(settings.interactive_size, settings.interactive_seconds)
        return cls({Lane.INTERACTIVE: interactive, Lane.BULK: bulk})

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def passes(self, lane: Lane) -> bool:
        """Return whether requests of this lane go straight through, without a window."""
        return lane not in self._queues or self._limits[lane].seconds == 0

    def add(self, journey: Journey, now: float) -> list[Journey]:
        """Put a journey into its lane's window; return the window's journeys if that filled it."""
        return self._queues[journey.lane].add(journey, now)

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
