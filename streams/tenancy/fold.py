"""The fold: journeys through the steps in order, with the time each step took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from schemas.result import Lane, Status
from schemas.wire import ProblemRecord
from streams.catchall import Bug, contain
from streams.stage import MS_PER_SECOND, Flow, Journey, Keeper, Step, ended_with
from streams.tenancy.state import PartitionState

Clock = Callable[[], float]
MS_DIGITS = 3
BUG = ProblemRecord(
    "internal_error",
    "the request could not be processed because of a fault in Asahi",
    "the operators find it with `asahi deadletter list`; send it again once it is mended",
)


def run_steps(steps: Sequence[Step], journeys: list[Journey], clock: Clock) -> Flow:
    """Lead journeys through the steps; what ends on the way is collected, the rest goes onward.

    A step that held journeys back and now returns them is charged with the whole wait.
    """
    total = Flow()
    now = clock()
    for step in steps:
        for journey in journeys:
            journey.entered_at = now
        flow = _processed(step, journeys, now)
        now = note_time(step.name, flow, clock)
        journeys, flow.onward = flow.onward, []
        merge(total, flow)
        if not journeys:
            break
    total.onward = journeys
    return total


def _processed(step: Step, journeys: list[Journey], now: float) -> Flow:
    """Lead journeys through a step; one that trips over a bug ends there, and the others go on."""
    whole = contain(partial(step.process, journeys, now), step.name)
    if not isinstance(whole, Bug):
        return whole
    total = Flow()
    for journey in journeys:
        _withdraw(step, journey)
    for journey in journeys:
        flow = contain(partial(step.process, [journey], now), step.name)
        if isinstance(flow, Bug):
            _withdraw(step, journey)
            total.ended.append((journey, ended_with(journey, Status.FAILED, BUG, now)))
            total.bugs.append((journey, flow.traceback if journey.data_key is None else flow.frames))
        else:
            merge(total, flow)
    return total


def _withdraw(step: Step, journey: Journey) -> None:
    if isinstance(step, Keeper):
        step.withdraw(journey)


def note_time(name: str, flow: Flow, clock: Clock) -> float:
    """Write the time since a journey entered the step on every journey that leaves it onward; return the time."""
    now = clock()
    entered_at, spent, rounded = now, 0.0, 0.0  # as of the one before: most journeys of a flow entered together
    for journey in flow.onward:
        if journey.entered_at != entered_at:
            entered_at = journey.entered_at
            spent = (now - entered_at) * MS_PER_SECOND
            rounded = round(spent, MS_DIGITS)
        before = journey.stages_ms.get(name)
        journey.stages_ms[name] = rounded if before is None else round(before + spent, MS_DIGITS)
    return now


def lead(state: PartitionState, journeys: list[Journey], clock: Clock) -> Flow:
    """Lead new journeys through all steps."""
    return _succeeded(state, run_steps(state.steps, journeys, clock), clock)


def lead_on(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Lead journeys that the cache released through the steps after it."""
    return _succeeded(state, _after_cache(state, flow, clock), clock)


def route(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Route journeys that a window released."""
    return _succeeded(state, _onward((state.routing,), flow, clock), clock)


def _after_cache(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    note_time(state.cache.name, flow, clock)
    return _onward((state.windows, state.routing), flow, clock)


def _onward(steps: Sequence[Step], flow: Flow, clock: Clock) -> Flow:
    led = run_steps(steps, flow.onward, clock)
    merge(led, Flow([], flow.ended, flow.audits, flow.bugs))
    return led


def _succeeded(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Where a leader ended without a call, let the next identical request lead, until nobody is left waiting."""
    leaderless = [journey for journey, _ in flow.ended if journey.fingerprint is not None]
    while leaderless:
        now = clock()
        successors = Flow()
        for journey in leaderless:
            merge(successors, state.cache.abandon(journey, now))
        led = _after_cache(state, successors, clock)
        leaderless = [journey for journey, _ in led.ended if journey.fingerprint is not None]
        merge(flow, led)
    return _without_the_patient(state, flow, clock)


def _without_the_patient(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Where a leader is left to a batch, send those onward who cannot wait as long."""
    patient = [journey for journey in flow.onward if journey.lane is Lane.BATCH and journey.fingerprint is not None]
    while patient:
        journey = patient.pop()
        released = state.cache.defer(journey, clock())
        if released.onward or released.ended:
            led = _succeeded(state, _after_cache(state, released, clock), clock)
            merge(flow, led)
    return flow


def merge(into: Flow, flow: Flow) -> None:
    """Add one flow to another."""
    into.onward += flow.onward
    into.ended += flow.ended
    into.audits += flow.audits
    into.bugs += flow.bugs
    into.verdicts += flow.verdicts
