"""Windows as a step: choose the lane, gather, and end what expired while it waited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.windows.lanes import lane_of
from agents.windows.scheduler import BatchScheduler
from schemas.result import Lane
from schemas.settings import WindowSettings
from streams.stage import Flow, Journey, deadline_of, expired, ms_between


class WindowStep:
    """The open windows of a worker, or of one of its partitions.

    Args:
        settings: Size and time of the windows, and where bulk begins.
    """

    name = "windows"

    def __init__(self, settings: WindowSettings) -> None:
        self._scheduler = BatchScheduler.of(settings)
        self._bulk_after = settings.bulk_after_seconds

    @property
    def waiting(self) -> int:
        """Number of journeys in open windows."""
        return len(self._scheduler)

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Choose each journey's lane; return those that pass straight through or whose window is full.

        Interactive journeys come first in `onward`, so they are dispatched before the bulk ones of the same batch.
        """
        flow = Flow()
        bulk: list[Journey] = []
        passes = {lane: self._scheduler.passes(lane) for lane in Lane}
        lanes = [lane_of(journey.request, now, self._bulk_after) for journey in journeys]  # nothing is touched yet
        for journey, lane in zip(journeys, lanes, strict=True):
            journey.lane = lane
            leaving = (journey,) if passes[lane] else self._scheduler.add(journey, now)
            if lane is Lane.BULK:
                bulk.extend(leaving)
            else:
                self._leave(leaving, now, flow)
        self._leave(bulk, now, flow)
        return flow

    def withdraw(self, journey: Journey) -> None:
        """Take back what became of a journey in a call of `process` that failed."""
        self._scheduler.withdraw(journey)

    def due(self, now: float) -> Flow:
        """Close the windows whose time has come."""
        return self._left(self._scheduler.due(now), now)

    def next_due(self) -> float | None:
        """Return the Unix seconds at which `due` next has something to do, or None."""
        return self._scheduler.next_due()

    def close_all(self, now: float) -> Flow:
        """Close every window, for a worker that stops."""
        return self._left(self._scheduler.close_all(), now)

    def evict(self, partition: int) -> list[Journey]:
        """Forget the journeys of a revoked partition, whose new owner reads them again; return them."""
        return self._scheduler.evict(partition)

    def _left(self, journeys: Iterable[Journey], now: float) -> Flow:
        flow = Flow()
        self._leave(journeys, now, flow)
        return flow

    def _leave(self, journeys: Iterable[Journey], now: float, flow: Flow) -> None:
        for journey in journeys:
            deadline = deadline_of(journey.request)
            if deadline is None or deadline > now:
                flow.onward.append(journey)
            else:
                journey.stages_ms[self.name] = ms_between(journey.entered_at, now)
                flow.ended.append((journey, expired(journey, now)))
