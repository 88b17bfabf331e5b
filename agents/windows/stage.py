"""Windows as a step: choose the lane, gather, and end what expired while it waited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.windows.lanes import LaneChooser
from agents.windows.prefixes import PrefixRecogniser
from agents.windows.scheduler import BatchScheduler
from schemas.batch import Completion
from schemas.result import Lane
from schemas.settings import BatchSettings, WindowSettings
from streams.stage import Flow, Journey, deadline_of, expired, ms_between


class WindowStep:
    """The open windows of a worker, or of one of its partitions.

    Args:
        settings: Size and time of the windows, and where bulk begins.
        batches: Terms of the batch lane.
        prefixes: Recognises beginnings that requests share; without it none are marked.
    """

    name = "windows"

    def __init__(
        self, settings: WindowSettings, batches: BatchSettings, prefixes: PrefixRecogniser | None = None
    ) -> None:
        self._prefixes = prefixes
        self._scheduler = BatchScheduler.of(settings)
        self._chooser = LaneChooser.of(settings, batches)

    @property
    def waiting(self) -> int:
        """Number of journeys in open windows."""
        return len(self._scheduler)

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Choose each journey's lane; return those that pass straight through or whose window is full.

        Interactive journeys come first in `onward`, so they are dispatched before the others of the same batch.
        """
        hurried: list[Journey] = []
        patient: list[Journey] = []
        passes = {lane: self._scheduler.passes(lane) for lane in Lane}
        lanes = [self._lane_of(journey, now) for journey in journeys]  # nothing is touched yet
        for journey, lane in zip(journeys, lanes, strict=True):
            journey.lane = lane
        if self._prefixes is not None:
            self._mark(self._prefixes, journeys, now)
        for journey, lane in zip(journeys, lanes, strict=True):
            leaving = hurried if lane is Lane.INTERACTIVE else patient
            if passes[lane]:
                leaving.append(journey)
            else:
                leaving += self._scheduler.add(journey, now)
        return self._left([*hurried, *patient], now)

    def _lane_of(self, journey: Journey, now: float) -> Lane:
        lane = self._chooser.lane_of(journey.request, now)
        # a request waits for its steps in memory, and a batch may take a day
        return Lane.BULK if lane is Lane.BATCH and journey.step is not None else lane

    def withdraw(self, journey: Journey) -> None:
        """Take back what became of a journey in a call of `process` that failed."""
        self._scheduler.withdraw(journey)

    def learn(self, completion: Completion) -> None:
        """Take in how a call ended: how long batches take decides who may travel in one."""
        self._chooser.learn(completion)

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

    @staticmethod
    def _mark(prefixes: PrefixRecogniser, journeys: Sequence[Journey], now: float) -> None:
        """Mark the beginnings that requests share; all are counted before any is marked.

        Batches are not marked: what is in one is called at once, so that all of it would be written.
        """
        for journey, boundaries in prefixes.count(journeys, now):
            if journey.lane is not Lane.BATCH:
                waits = journey.lane is Lane.BULK
                journey.prefix = prefixes.mark(journey.request, boundaries, now, waits=waits)

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
