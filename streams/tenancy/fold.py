"""The fold: journeys through the steps in order, with the time each step took."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streams.stage import MS_PER_SECOND, Flow, Journey, Step
from streams.tenancy.state import PartitionState

Clock = Callable[[], float]
MS_DIGITS = 3


def run_steps(steps: Sequence[Step], journeys: list[Journey], clock: Clock) -> Flow:
    """Lead journeys through the steps; what ends on the way is collected, the rest goes onward.

    A step that held journeys back and now returns them is charged with the whole wait.
    """
    total = Flow()
    now = clock()
    for step in steps:
        for journey in journeys:
            journey.entered_at = now
        flow = step.process(journeys, now)
        now = note_time(step.name, flow, clock)
        total.ended += flow.ended
        total.audits += flow.audits
        journeys = flow.onward
        if not journeys:
            break
    total.onward = journeys
    return total


def note_time(name: str, flow: Flow, clock: Clock) -> float:
    """Write the time since a journey entered the step on every journey that leaves it onward; return the time."""
    now = clock()
    for journey in flow.onward:
        spent = (now - journey.entered_at) * MS_PER_SECOND
        journey.stages_ms[name] = round(journey.stages_ms.get(name, 0.0) + spent, MS_DIGITS)
    return now


def lead(state: PartitionState, journeys: list[Journey], clock: Clock) -> Flow:
    """Lead new journeys through all steps."""
    return _succeeded(state, run_steps(state.steps, journeys, clock), clock)


def lead_on(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Lead journeys that the cache released through the steps after it."""
    return _succeeded(state, _after_cache(state, flow, clock), clock)


def route(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Route journeys that a window released."""
    routed = run_steps((state.routing,), flow.onward, clock)
    return _succeeded(state, Flow(routed.onward, flow.ended + routed.ended, flow.audits + routed.audits), clock)


def _after_cache(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    led = run_steps((state.windows, state.routing), flow.onward, clock)
    return Flow(led.onward, flow.ended + led.ended, flow.audits + led.audits)


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
    return flow


def merge(into: Flow, flow: Flow) -> None:
    """Add one flow to another."""
    into.onward += flow.onward
    into.ended += flow.ended
    into.audits += flow.audits
