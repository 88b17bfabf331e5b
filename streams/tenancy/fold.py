"""The fold: journeys through the steps in order, with the time each step took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from schemas.batch import StepOf
from schemas.result import Lane, Status
from schemas.wire import ProblemRecord, ResultRecord
from streams.catchall import Bug, contain
from streams.stage import MS_PER_SECOND, Flow, Journey, Keeper, Step, ended_with, expired
from streams.tenancy.state import PartitionState

Clock = Callable[[], float]
EndedStep = tuple[str, StepOf, ResultRecord]
"""Whose step has ended, of which tenant, and how."""
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
    if any(journey.request.steps is not None for journey in journeys):
        led = run_steps(state.steps_with_intermediate, journeys, clock)
        return _concluded(state, _with_what_was_paid(state, led, clock), clock)
    return _concluded(state, run_steps(state.steps, journeys, clock), clock)


def lead_on(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Lead journeys that the cache released through the steps after it."""
    return _concluded(state, _after_cache(state, flow, clock), clock)


def lead_steps(state: PartitionState, ended: Sequence[EndedStep], clock: Clock) -> Flow:
    """Lead on what steps of requests let go on by their ends: further steps, and requests that are complete."""
    flow = Flow()
    for tenant, step, result in ended:
        merge(flow, _step_ended(state, tenant, step, result, clock))
    return _concluded(state, _from_cache(state, flow, clock), clock)


def route(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Route journeys that a window released."""
    return _concluded(state, _onward((state.routing,), flow, clock), clock)


def _with_what_was_paid(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Tell the intermediate cache which requests ended before their steps: what is paid already counts."""
    pairs, flow.ended = flow.ended, []
    for journey, result in pairs:
        if journey.request.steps is None:
            flow.ended.append((journey, result))
        else:
            merge(flow, state.intermediate.refuse(journey, result, clock()))
    return flow


def _concluded(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Give leaders that ended successors, and steps that ended to their requests, until nothing more follows."""
    flow = _succeeded(state, flow, clock)
    while any(journey.step is not None for journey, _ in flow.ended):
        further = Flow()
        pairs, flow.ended = flow.ended, []
        for journey, result in pairs:
            if journey.step is None:
                flow.ended.append((journey, result))
            else:
                merge(further, _step_ended(state, journey.request.tenant, journey.step, result, clock))
        merge(flow, _succeeded(state, _from_cache(state, further, clock), clock))
    return flow


def _step_ended(state: PartitionState, tenant: str, step: StepOf, result: ResultRecord, clock: Clock) -> Flow:
    """Tell the intermediate cache that a step ended; where it trips over a bug the step's request ends."""
    intermediate, now = state.intermediate, clock()
    flow = contain(partial(intermediate.end, tenant, step, result, now), intermediate.name)
    if not isinstance(flow, Bug):
        return flow
    failed = intermediate.give_up(tenant, step, BUG, now)
    failed.bugs += [
        (journey, flow.traceback if journey.data_key is None else flow.frames) for journey, _ in failed.ended
    ]
    return failed


def _from_cache(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    """Lead steps, and requests whose steps have ended, through what follows."""
    note_time(state.intermediate.name, flow, clock)
    return _onward(state.steps_from_cache, flow, clock)


def _after_cache(state: PartitionState, flow: Flow, clock: Clock) -> Flow:
    note_time(state.cache.name, flow, clock)
    flow.onward, unwanted = _wanted(state, flow.onward)
    led = _onward((state.windows, state.routing), flow, clock)
    led.ended += [(journey, expired(journey, clock())) for journey in unwanted]  # so that the next one leads
    return led


def _wanted(state: PartitionState, journeys: list[Journey]) -> tuple[list[Journey], list[Journey]]:
    """Return journeys that somebody wants, and steps whose requests have ended meanwhile."""
    gone = [
        journey
        for journey in journeys
        if journey.step is not None and not state.intermediate.awaits(journey.request.tenant, journey.step)
    ]
    if not gone:
        return journeys, gone
    names = set(map(id, gone))
    return [journey for journey in journeys if id(journey) not in names], gone


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
