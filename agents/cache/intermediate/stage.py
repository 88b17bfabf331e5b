"""The intermediate cache as a step of the fold: requests wait here while their steps are taken.

A step travels as a journey of its own, whose fingerprint is the hash of what determines its result: operation, input
with the results of other steps in place, parameters, the class of model. So the exact tier and its flights serve
steps as they serve requests, and a changed input is another step. Nothing of a step is published but its usage.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from agents.cache.intermediate.undertaking import Undertaking
from schemas.batch import Completion, Passenger, StepOf
from schemas.result import Status
from schemas.settings import IntakeSettings
from schemas.wire import ProblemRecord, ResultRecord, sealed_under
from streams.outcomes import rejection_audit
from streams.stage import Flow, Journey, ended_with, ms_between
from streams.steps.accounts import with_steps
from streams.steps.requests import step_id
from streams.tenancy.state import ledger_key

Price = Callable[[Completion, float], ResultRecord | None]
"""What a completion comes to, at a time in Unix seconds."""


class IntermediateCache:
    """The steps of the requests of one partition; dropped as a whole when the partition is revoked.

    What a predecessor left is told with `resume` and `recall` before anything is processed.

    Args:
        settings: Bounds, and whether results are shared.
        price: Prices what a predecessor accounted for.
    """

    name = "steps"

    def __init__(self, settings: IntakeSettings, price: Price) -> None:
        self._settings = settings
        self._price = price
        self._waiting: dict[str, Undertaking] = {}
        self._leaving: set[str] = set()
        self._expected: dict[str, Passenger | None] = {}
        self._coming: set[str] = set()
        self._ended: OrderedDict[str, ResultRecord] = OrderedDict()
        self._counted: OrderedDict[str, None] = OrderedDict()  # by claims of requests that are to come

    @property
    def waiting(self) -> int:
        """Number of requests whose steps are under way."""
        return len(self._waiting)

    @property
    def leaving(self) -> int:
        """Number of requests that have left and are not durable behind their steps yet."""
        return len(self._leaving)

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Keep those back that declare steps; send the steps that can begin onward, and all other journeys."""
        flow = Flow()
        for journey in journeys:
            if journey.request.steps is None:
                flow.onward.append(journey)
                continue
            key = ledger_key(journey.request.tenant, journey.request.id)
            settings = self._settings
            begun = Undertaking(journey, settings.max_request_bytes, shared=settings.share_steps)
            self._waiting[key] = begun
            self._proceed(key, begun, now, flow)
        return flow

    def withdraw(self, journey: Journey) -> None:
        """Take back what became of a journey in a call of `process` that failed."""
        key = ledger_key(journey.request.tenant, journey.request.id)
        self._waiting.pop(key, None)
        self._leaving.discard(key)

    def refuse(self, journey: Journey, result: ResultRecord, now: float) -> Flow:
        """Take in that a request which declares steps has ended before any was taken; return it with its result.

        It may have come again, under other rules or too late: what a predecessor has paid for its steps still counts.
        """
        flow = Flow()
        request = journey.request
        key = ledger_key(request.tenant, request.id)
        if key in self._leaving:  # it ended here
            flow.ended.append((journey, result))
            return flow
        refused = Undertaking(journey, self._settings.max_request_bytes, shared=False)
        assert result.error is not None, "what ends before its call ends for a reason"
        refused.failure = (result.status, result.error)
        for step in refused.ready():
            travelling = ledger_key(request.tenant, step_id(request.id, step.name))
            if travelling in self._coming and travelling not in self._counted:
                refused.owed.add(step.name)
            self._is_news(refused, step.name, travelling)
        if refused.taken or refused.settling:
            self._waiting[key] = refused
            self._leave_without(key, refused, now, flow, audited=True)
        else:
            flow.ended.append((journey, result))
        return flow

    def end(self, tenant: str, step: StepOf, result: ResultRecord, now: float) -> Flow:
        """Take in how a step ended; return what that lets go on: other steps, or the request with its result."""
        flow = Flow()
        key = ledger_key(tenant, step.request_id)
        waiting = self._waiting.get(key)
        if waiting is not None:
            if all(account.name != step.name for account in waiting.taken):
                waiting.take(step.name, result)
                self._proceed(key, waiting, now, flow)
        elif (travelling := ledger_key(tenant, step_id(step.request_id, step.name))) in self._expected:
            del self._expected[travelling]
            self._remember(travelling, result)
        return flow

    def give_up(self, tenant: str, step: StepOf, problem: ProblemRecord, now: float) -> Flow:
        """End a request whose step tripped over a bug."""
        flow = Flow()
        key = ledger_key(tenant, step.request_id)
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.failure = (Status.FAILED, problem)
            self._leave_without(key, waiting, now, flow)
        return flow

    def claim(self, passenger: Passenger, *, known: bool) -> bool:
        """Return whether what the call of a step cost is to be counted in its request's result.

        Once only, and not where the request has gone on or ended. One that is not known comes again behind this.

        Args:
            passenger: Of the step.
            known: Whether its request is under way or has ended, as far as the ledger knows.
        """
        step = passenger.step
        assert step is not None, "only a step is claimed"
        waiting = self._waiting.get(ledger_key(passenger.tenant, step.request_id))
        travelling = ledger_key(passenger.tenant, passenger.id)
        self._coming.discard(travelling)
        if waiting is not None:
            if waiting.has_taken(step.name):
                return False
            waiting.owed.discard(step.name)
            waiting.claimed.add(step.name)
            return True
        if known or travelling in self._counted or travelling in self._ended:
            return False
        self._count(travelling)
        self._expected.setdefault(travelling, None)
        return True

    def left(self, key: str) -> None:
        """Hear that a request is durable behind its steps: dispatched, or ended."""
        self._leaving.discard(key)

    def awaits(self, tenant: str, step: StepOf) -> bool:
        """Return whether a successor must find the call of a step."""
        key = ledger_key(tenant, step.request_id)
        return key in self._waiting or key in self._leaving

    def resume(self, passenger: Passenger) -> None:
        """Know a step that a predecessor dispatched for a request that comes again."""
        self._expected[ledger_key(passenger.tenant, passenger.id)] = passenger

    def recall(self, completion: Completion, now: float) -> None:
        """Know how a step ended that a predecessor accounted for."""
        travelling = ledger_key(completion.passenger.tenant, completion.passenger.id)
        if travelling in self._expected and (result := self._price(completion, now)) is not None:
            del self._expected[travelling]
            self._remember(travelling, result)

    def recall_later(self, passenger: Passenger) -> None:
        """Know that a step has ended, and that its completion comes again to be accounted for."""
        travelling = ledger_key(passenger.tenant, passenger.id)
        if travelling in self._expected:
            self._coming.add(travelling)

    def lose(self, passenger: Passenger) -> None:
        """Know that nobody can say how a step ended: it is taken again."""
        self._expected.pop(ledger_key(passenger.tenant, passenger.id), None)

    def under_way(self) -> Iterable[Passenger]:
        """Give the steps that a predecessor dispatched and that have not ended."""
        return [passenger for passenger in self._expected.values() if passenger is not None]

    def forget(self, data_key: str) -> None:
        """Drop the results under a data key that was destroyed."""
        gone = [
            name
            for name, result in self._ended.items()
            if result.sealed is not None and result.sealed.key == data_key
        ]
        for name in gone:
            del self._ended[name]

    def _proceed(self, key: str, waiting: Undertaking, now: float, flow: Flow) -> None:
        """Begin what can begin, and let go of what is complete or has failed."""
        begun: list[Journey] = []
        while waiting.failure is None and (ready := list(waiting.ready())):
            for step in ready:
                journey = waiting.journey_of(step, now)
                if journey is not None and self._is_news(
                    waiting, step.name, ledger_key(journey.request.tenant, journey.request.id)
                ):
                    begun.append(journey)
        if waiting.failure is not None:
            self._leave_without(key, waiting, now, flow)
        elif waiting.complete:
            self._leave(key, waiting, now, flow)
        else:
            flow.onward += begun

    def _is_news(self, waiting: Undertaking, name: str, travelling: str) -> bool:
        """Return whether a step is to be sent onward: not where a predecessor did, or where it has ended."""
        counted = self._counted.pop(travelling, self) is None
        ended = self._ended.pop(travelling, None)
        if ended is not None:
            waiting.take(name, ended)
            return False
        if travelling not in self._expected:
            return True
        del self._expected[travelling]
        if counted:
            waiting.claimed.add(name)
        return False

    def _leave(self, key: str, waiting: Undertaking, now: float, flow: Flow) -> None:
        """Let a request go on with the results of its steps."""
        completed = waiting.completed()
        if completed is None:
            self._leave_without(key, waiting, now, flow)
            return
        del self._waiting[key]
        self._leaving.add(key)
        flow.onward.append(completed)

    def _leave_without(
        self, key: str, waiting: Undertaking, now: float, flow: Flow, *, audited: bool = False
    ) -> None:
        """End a request that a step has failed, once the usage of all that it paid for is durable."""
        if waiting.settling:
            return
        assert waiting.failure is not None, "a request ends here for a reason"
        status, problem = waiting.failure
        journey = waiting.journey
        journey.stages_ms[self.name] = ms_between(journey.entered_at, now)
        del self._waiting[key]
        self._leaving.add(key)
        result = with_steps(ended_with(journey, status, problem, now), waiting.taken)
        if journey.data_key is not None:  # a provider's words may quote the prompt
            result = msgspec.structs.replace(result, sealed=sealed_under(journey.data_key.id))
        flow.ended.append((journey, result))
        if status is Status.REJECTED and not audited:
            flow.audits.append(rejection_audit(journey.request.tenant, journey.request.id, problem, now))

    def _remember(self, travelling: str, result: ResultRecord) -> None:
        """Keep how a step ended whose request comes again; the oldest goes where too many never came."""
        self._ended[travelling] = result
        if len(self._ended) > self._settings.known_ids:
            self._ended.popitem(last=False)

    def _count(self, travelling: str) -> None:
        self._counted[travelling] = None
        if len(self._counted) > self._settings.known_ids:
            self._counted.popitem(last=False)
