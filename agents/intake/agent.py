"""Receiving requests: read, recognise, lead through the steps, make durable, acknowledge."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from agents.intake.arrivals import Arrival, Sorted
from agents.intake.letters import Letters
from agents.intake.recognition import key_of, standing_of
from schemas.errors import KeyOutOfReach
from schemas.settings import Settings
from schemas.wire import AuditRecord, ResultRecord
from streams.background import Background
from streams.catchall import Bug, contain
from streams.envelope import Publication
from streams.log import Log
from streams.outcomes import Conflict, DeadLetter, Done, InFlight, New, Ok, Outcome, Rejected, Standing
from streams.partitioning import home_partition
from streams.receipts import BatchReceipt, Capacity
from streams.records import Record
from streams.stage import Flow, Journey, Receipt
from streams.tenancy.delivery import Delivery
from streams.tenancy.fold import Clock, EndedStep, lead, lead_on, lead_steps, merge, note_time, route
from streams.tenancy.owner import Tenancy
from streams.tenancy.state import PartitionState, ledger_key
from streams.topics import REQUESTS, RESULTS

logger = logging.getLogger(__name__)

Opener = Callable[[Ok], Ok | Rejected]
"""Opens a sealed request; raises `KeyOutOfReach` where its data key cannot be had at the moment."""
Forward = Callable[[Record, bytes, bytes, float], Publication]
"""Makes a message of one request of another: of that one, its body, the new message key, and the time."""


class Intake:
    """The stages before the call, for all partitions of this worker."""

    def __init__(
        self,
        settings: Settings,
        tenancy: Tenancy,
        forward: Forward,
        opener: Opener,
        delivery: Delivery,
        log: Log,
        background: Background,
        capacity: Capacity,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._letters = Letters(settings.intake.dead_letter_bytes)
        self._tenancy = tenancy
        self._forward = forward
        self._opener = opener
        self._delivery = delivery
        self._log = log
        self._background = background
        self._capacity = capacity
        self._clock = clock

    async def receive(self, partition: int, records: Sequence[Record], acknowledge: Callable[[], object]) -> None:
        """Take in one delivery; it is acknowledged when every request in it has a durable outcome."""
        state = self._tenancy.states.get(partition)
        if state is None:
            return  # given up meanwhile: whoever gains the partition reads it again
        read = [(record, self._read(state, record)) for record in records]
        found = sum(len(outcomes) for _, outcomes in read)
        self._tenancy.note_messages(state)
        if not await self._capacity.take(found) or self._tenancy.states.get(partition) is not state:
            return
        receipt = BatchReceipt(found, acknowledge, self._capacity)
        receipt.close()
        now = self._clock()
        arrivals = [
            Arrival(record, place, outcome, receipt, now)
            for record, outcomes in read
            for place, outcome in enumerate(outcomes)
        ]
        self._background.start(self._take_in(state, arrivals))

    def _read(self, state: PartitionState, record: Record) -> Sequence[Outcome | Bug]:
        found = contain(partial(state.entrance.read, record, self._clock()), "governance")
        return [found] if isinstance(found, Bug) else found

    def _take_in(self, state: PartitionState, arrivals: Sequence[Arrival]) -> Coroutine[Any, Any, None]:
        """Lead requests as far as they get at once; return what makes that durable."""
        into = Sorted()
        now = self._clock()
        for arrival in arrivals:
            self._sort(state, arrival, into, now)
        return self._conclude(state, lead(state, into.journeys, self._clock), into)

    def _sort(self, state: PartitionState, arrival: Arrival, into: Sorted, now: float) -> None:
        """Sort in one request: where it belongs elsewhere or has to wait, it goes no further."""
        record, _, outcome, receipt, _ = arrival
        tenant: str | None
        if isinstance(outcome, Ok):
            tenant, request_id = outcome.request.tenant, outcome.request.id
        elif isinstance(outcome, Rejected):
            tenant, request_id = outcome.tenant, outcome.id
        else:
            self._bury(arrival, outcome, into, now)
            return
        if tenant is not None:
            home = home_partition(tenant, self._settings.kafka.partitions)
            if home != state.partition:
                forwarded = self._forward(record, outcome.body, tenant.encode(), now)
                into.strays.setdefault(home, []).append((forwarded, receipt))
                return
            if state.waiting and (queue := state.waiting.get(tenant)) is not None:
                queue.append(arrival)  # behind those that came before
                return
        if isinstance(outcome, Ok) and outcome.request.sealed is not None:
            recognised = self._recognised(state, arrival, outcome, into, now)
            if recognised is None:
                return
            outcome, standing = recognised
        else:
            standing = state.ledger.admit(ledger_key(tenant, request_id), outcome.digest)
        if isinstance(standing, New):
            self._begin(state, arrival, outcome, into, now)
        elif isinstance(standing, InFlight):
            receipt.settle()  # under way: its result answers this one too
        else:
            self._come_again(arrival, standing, outcome.body, into, now)

    def _come_again(self, arrival: Arrival, standing: Done | Conflict, body: bytes, into: Sorted, now: float) -> None:
        if isinstance(standing, Done):
            into.repeats.append((standing.offset, arrival))
        else:
            into.letters.append(self._letters.of_conflict(arrival.record, arrival.place, body, now))
            into.letter_receipts.append(arrival.receipt)

    def _begin(
        self, state: PartitionState, arrival: Arrival, outcome: Ok | Rejected, into: Sorted, now: float
    ) -> None:
        record, _, _, receipt, at = arrival
        if isinstance(outcome, Rejected):
            into.rejections.append((outcome.result(at, self._clock()), receipt))
            into.audits.append(outcome.audit(now))
            return
        request, body, digest, key_id = outcome.request, outcome.body, outcome.digest, outcome.key_id
        journey = Journey(request, body, digest, state.partition, at, receipt, key_id=key_id)
        journey.inherited = state.inherited.claim(record)
        if outcome.opened is not None:
            journey.body, journey.sent, journey.data_key = outcome.opened, body, outcome.data_key
        into.journeys.append(journey)

    def _recognised(
        self, state: PartitionState, arrival: Arrival, sealed: Ok, into: Sorted, now: float
    ) -> tuple[Ok | Rejected, Standing] | None:
        """Return what a sealed request comes to and how it stands; None where it has to wait, or is buried."""
        opened = contain(partial(self._opened, state, sealed), "governance")
        if isinstance(opened, KeyOutOfReach):
            state.waiting[sealed.request.tenant] = [arrival]
            self._background.start(self._take_in_later(state, opened))
            return None
        if isinstance(opened, Bug):
            self._bury(arrival, opened, into, now)
            return None
        return opened

    def _opened(self, state: PartitionState, sealed: Ok) -> tuple[Ok | Rejected, Standing] | KeyOutOfReach:
        """Return what a sealed request comes to and how it stands; or the key that is needed to say so."""
        try:
            outcome = self._opener(sealed)
            return outcome, standing_of(state.ledger, outcome)
        except KeyOutOfReach as away:
            return away

    async def _take_in_later(self, state: PartitionState, away: KeyOutOfReach) -> None:
        """Take in what a tenant sent while a data key of his was out of reach, in the order in which it came."""
        await self._delivery.patience.wait(away)
        await self._take_in(state, state.waiting.pop(away.tenant))

    def _bury(self, arrival: Arrival, outcome: DeadLetter | Bug, into: Sorted, now: float) -> None:
        record, place, _, receipt, _ = arrival
        into.letter_receipts.append(receipt)
        if isinstance(outcome, Bug):
            into.letters.append(self._letters.of_message(record, place, outcome, now))
            return
        into.letters.append(outcome.record(now, self._settings.intake.dead_letter_bytes))
        if (audit := outcome.audit(now)) is not None:
            into.letter_audits.append(audit)

    async def _conclude(self, state: PartitionState, flow: Flow, sorted_: Sorted) -> None:
        """Make everything durable that the delivery led to."""
        if sorted_.letter_audits:  # before what settles their receipts
            await self._delivery.audits(state.partition, sorted_.letter_audits)
        if sorted_.letters:
            await self._delivery.dead_letters(state.partition, sorted_.letters)
            for receipt in sorted_.letter_receipts:
                receipt.settle()
        for home, strays in sorted_.strays.items():
            await self._log.publish(REQUESTS.name, home, [forwarded for forwarded, _ in strays])
            for _, receipt in strays:
                receipt.settle()
        await self.conclude(state, flow, sorted_.rejections, sorted_.audits)
        if sorted_.repeats:
            await self._repeat(state, sorted_.repeats)

    async def _repeat(self, state: PartitionState, repeats: Sequence[tuple[int, Arrival]]) -> None:
        """Publish known results again; a request whose result the log no longer holds is served again."""
        found = await self._log.fetch(RESULTS.name, state.partition, [offset for offset, _ in repeats])
        known = [record for record in found if record is not None]
        again = [Publication(record.value or b"", record.key, list(record.headers)) for record in known]
        await self._log.publish(RESULTS.name, state.partition, again)
        lost = []
        for record, (_, arrival) in zip(found, repeats, strict=True):
            if record is None:
                lost.append(arrival)
                assert isinstance(arrival.outcome, Ok | Rejected), "only what has an id has a result"
                state.ledger.forget(key_of(arrival.outcome))
            else:
                arrival.receipt.settle()
        if lost:
            await self._take_in(state, lost)

    async def conclude(
        self,
        state: PartitionState,
        flow: Flow,
        ended: Sequence[tuple[ResultRecord, Receipt | None]] = (),
        audits: Sequence[AuditRecord] = (),
    ) -> None:
        """Make a flow durable: dead letters and audits before the results they explain, calls beside them."""
        if flow.bugs:
            now = self._clock()
            letters = [self._letters.of_journey(journey, traceback, now) for journey, traceback in flow.bugs]
            await self._delivery.dead_letters(state.partition, letters)
        audits = [*audits, *flow.audits]
        if audits:
            await self._delivery.audits(state.partition, audits)
        if flow.onward:
            await self._delivery.calls(state, flow.onward, self._clock())
        results = [*ended, *self._unanswered(state, flow)]
        if results:
            await self._delivery.results(state, results)

    @staticmethod
    def _unanswered(state: PartitionState, flow: Flow) -> list[tuple[ResultRecord, Receipt | None]]:
        """Return the results of a flow but for requests whose call, made by a predecessor, has ended meanwhile."""
        found: list[tuple[ResultRecord, Receipt | None]] = []
        for journey, result in flow.ended:
            if state.has_answered(ledger_key(result.tenant, result.id)):
                journey.receipt.settle()
            else:
                found.append((result, journey.receipt))
        return found

    async def release(self, state: PartitionState, flow: Flow) -> None:
        """Lead journeys that waited for an identical request onward, and make the flow durable."""
        await self._conclude_waiting(state, lead_on(state, flow, self._clock))

    async def steps_ended(self, state: PartitionState, ended: Sequence[EndedStep]) -> None:
        """Lead requests on whose steps have ended, and the steps that follow, and make the flow durable."""
        await self._conclude_waiting(state, lead_steps(state, ended, self._clock))

    async def _conclude_waiting(self, state: PartitionState, flow: Flow) -> None:
        """Make the flow of journeys durable that were kept back; a call that a predecessor made is not made again."""
        onward, flow.onward = flow.onward, []
        for journey in onward:
            if state.has_answered(ledger_key(journey.request.tenant, journey.request.id)):
                journey.receipt.settle()
            else:
                flow.onward.append(journey)
        await self.conclude(state, flow)

    def tick(self) -> float | None:
        """Close due windows and end what waited too long; return when to come back, in Unix seconds."""
        soonest: float | None = None
        for state in self._tenancy.states.values():
            now = self._clock()
            flow = lead_on(state, state.cache.expire(now), self._clock)
            closed = state.windows.due(now)
            note_time(state.windows.name, closed, self._clock)
            merge(flow, route(state, closed, self._clock))
            if flow.onward or flow.ended or flow.audits:
                self._background.start(self._conclude_waiting(state, flow))
            due = state.windows.next_due()
            if due is not None and (soonest is None or due < soonest):
                soonest = due
        return soonest
