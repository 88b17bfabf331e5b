"""Receiving calls: each runs at once, none waits for another, and each completion is durable before it is settled.

A successor reads the completions written since the checkpoint and does not repeat those calls: after a kill, the
calls repeated are the ones that were under way.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from agents.providers.batches.lane import BatchLane
from agents.providers.completion_messages import completion_messages
from agents.providers.tickets import Runner, Ticket
from schemas.batch import Call, Completion, Passenger
from schemas.errors import KeyOutOfReach
from schemas.result import Lane
from schemas.settings import Settings
from streams.background import Background
from streams.envelope import Publication
from streams.log import Log
from streams.receipts import BatchReceipt, Capacity
from streams.records import Record
from streams.sealing.codec import UNREADABLE, ContentCodec, read_calls, read_completions
from streams.sealing.patience import Patience
from streams.stage import Receipt
from streams.topics import COMPLETIONS, DISPATCH, JOBS
from streams.transport.offsets import Checkpoint, Marks, kept

logger = logging.getLogger(__name__)


class Calls:
    """The provider stage of this worker.

    Args:
        background: Publications under way.
        codec: Opens calls and seals completions.
        patience: Waits for data keys that are out of reach.
    """

    topics = (DISPATCH.name,)

    def __init__(
        self,
        settings: Settings,
        log: Log,
        background: Background,
        capacity: Capacity,
        codec: ContentCodec,
        patience: Patience,
    ) -> None:
        self._codec = codec
        self._patience = patience
        self._settings = settings
        self._log = log
        self._background = background
        self._capacity = capacity
        self._runner: Runner | None = None
        self._lane: BatchLane | None = None
        self._under_way: dict[str, Ticket] = {}
        # Not a dict: finding the oldest key of one passes over all that were deleted before it.
        self._done: OrderedDict[tuple[str, float], None] = OrderedDict()
        self._remembered = settings.intake.known_ids
        self._ready: list[tuple[Ticket, Completion]] = []
        self._publishing = False
        self._open = False

    def run_with(self, runner: Runner) -> None:
        """Use this runner; it must report to `completed`."""
        self._runner = runner

    def batch_with(self, lane: BatchLane) -> None:
        """Leave calls of the batch lane to this one; it must report to `publish` and `call_instead`."""
        self._lane = lane

    async def receive(self, records: Sequence[Record], acknowledge: Callable[[], object]) -> None:
        """Start every call of a delivery that is neither done nor under way."""
        calls = [(record.partition, call) for record in records for call in read_calls(record.value or b"")]
        if not self._open or not await self._capacity.take(len(calls)) or not self._open:
            return  # given up: whoever gains the partition reads it again
        receipt = BatchReceipt(len(calls), acknowledge, self._capacity)
        receipt.close()
        self._begin(calls, receipt)

    def _begin(self, calls: Sequence[tuple[int, Call]], receipt: Receipt) -> None:
        """Start calls, each with its shard; those whose data key is out of reach begin when it is there."""
        patient: dict[int, list[tuple[Call, Receipt]]] = {}
        waiting: dict[tuple[str, str], tuple[KeyOutOfReach, list[tuple[int, Call]]]] = {}
        for shard, sealed in calls:
            key = key_of(sealed.passenger)
            if (key, sealed.passenger.received_at) in self._done:
                receipt.settle()
                continue
            if self._lane is not None and self._lane.holds(shard, sealed):
                receipt.settle()  # it is durable there
                continue
            call = sealed
            if sealed.passenger.data_key is not None:
                try:
                    call = self._codec.opened_call(sealed)
                except KeyOutOfReach as away:
                    waiting.setdefault((away.tenant, away.key_id), (away, []))[1].append((shard, sealed))
                    continue
            if self._lane is not None and call.body and key not in self._under_way and self._lane.takes(shard, call):
                patient.setdefault(shard, []).append((call, receipt))
            else:
                self._call(key, _in_a_window(call), receipt)
        for shard, pairs in patient.items():
            assert self._lane is not None
            self._background.start(self._lane.take(shard, pairs))
        for key_away, those in waiting.values():
            self._background.start(self._begin_later(key_away, those, receipt))

    async def _begin_later(self, away: KeyOutOfReach, calls: Sequence[tuple[int, Call]], receipt: Receipt) -> None:
        await self._patience.wait(away)
        self._begin(calls, receipt)

    def call_instead(self, call: Call, receipt: Receipt, batch: str | None) -> None:
        """Call a request that was in the batch lane's custody, as soon as its data key is within reach."""
        try:
            opened = self._codec.opened_call(call)
        except KeyOutOfReach as away:
            self._background.start(self._call_later(away, call, receipt, batch))
        else:
            self._call(key_of(opened.passenger), opened, receipt, batch)

    async def _call_later(self, away: KeyOutOfReach, call: Call, receipt: Receipt, batch: str | None) -> None:
        await self._patience.wait(away)
        self.call_instead(call, receipt, batch)

    def _call(self, key: str, call: Call, receipt: Receipt, batch: str | None = None) -> None:
        assert self._runner is not None
        running = self._under_way.get(key)
        if running is not None:
            running.receipts.append(receipt)
            return
        ticket = self._under_way[key] = Ticket(key, [receipt], batch)
        if call.body:
            self._runner.submit(call, ticket)
        else:  # nobody can read it any more: it ends, unasked
            self.completed(ticket, Completion(call.passenger, call.dispatched_at, failure=UNREADABLE))

    def completed(self, ticket: Ticket, completion: Completion) -> None:
        """Take a completion; all that come while one publication is under way travel together in the next."""
        if ticket.batch is not None:
            completion = msgspec.structs.replace(completion, batch=ticket.batch)
        self._ready.append((ticket, completion))
        if not self._publishing:
            self._publishing = True
            self._background.start(self._publish_ready())

    async def _publish_ready(self) -> None:
        try:
            while self._ready:
                await asyncio.sleep(0)  # let the calls that end in this very moment join
                ready, self._ready = self._ready, []
                homes: dict[int, list[tuple[Ticket, Completion]]] = {}
                for pair in ready:
                    passenger = pair[1].passenger
                    travelling = pair if passenger.data_key is None else self._sealed(*pair)
                    if travelling is not None:
                        homes.setdefault(passenger.partition, []).append(travelling)
                await asyncio.gather(*(self._publish(home, pairs) for home, pairs in homes.items()))
        finally:
            self._publishing = False

    def _sealed(self, ticket: Ticket, completion: Completion) -> tuple[Ticket, Completion] | None:
        """Return a completion as it travels; one whose data key is out of reach comes again when it is there."""
        try:
            return ticket, self._codec.sealed_completion(completion)
        except KeyOutOfReach as away:
            self._background.start(self._complete_later(away, ticket, completion))
            return None

    async def _complete_later(self, away: KeyOutOfReach, ticket: Ticket, completion: Completion) -> None:
        await self._patience.wait(away)
        self.completed(ticket, completion)

    async def _publish(self, home: int, pairs: list[tuple[Ticket, Completion]]) -> None:
        await self._deliver(home, [completion for _, completion in pairs])
        for ticket, _ in pairs:
            self._under_way.pop(ticket.key, None)
            for receipt in ticket.receipts:
                receipt.settle()

    async def publish(self, completions: list[Completion]) -> None:
        """Make completions durable, once every data key they need is within reach."""
        homes: dict[int, list[Completion]] = {}
        seal = self._codec.sealed_completion
        for completion in await self._patience.through(lambda: [seal(one) for one in completions]):
            homes.setdefault(completion.passenger.partition, []).append(completion)
        await asyncio.gather(*(self._deliver(home, those) for home, those in homes.items()))

    async def _deliver(self, home: int, completions: list[Completion]) -> None:
        messages = completion_messages(completions, self._settings.kafka.batch_bytes)
        await self._log.publish(COMPLETIONS.name, home, [Publication(message) for message in messages])
        for completion in completions:
            self._remember(completion.passenger)

    def _remember(self, passenger: Passenger) -> None:
        """Know that a call is done.

        Its message may come again, and then nothing is left to do. The same request may also be dispatched anew, long
        after all who answered it have forgotten it: then it was received at another time and is called.
        """
        self._done[key_of(passenger), passenger.received_at] = None
        if len(self._done) > self._remembered:
            self._done.popitem(last=False)

    async def take_over(self, partitions: frozenset[int], checkpoints: Mapping[tuple[str, int], Checkpoint]) -> None:
        """Learn which calls of these partitions are done already; take their share of the providers' limits."""
        if not partitions:
            if self._lane is not None:
                self._lane.forget()
            return
        assert self._runner is not None
        self._runner.take_share(len(partitions) / self._settings.kafka.partitions)
        points = [checkpoints.get((DISPATCH.name, shard)) for shard in partitions]
        starts = {
            (COMPLETIONS.name, home): min(
                0 if point is None else point.marks.get((COMPLETIONS.name, home), 0) for point in points
            )
            for home in range(self._settings.kafka.partitions)
        }
        if self._lane is not None:
            facts = {
                shard: 0 if point is None else point.marks.get((JOBS.name, shard), 0)
                for shard, point in zip(partitions, points, strict=True)
            }
            for home, position in (await self._lane.take_over(facts)).items():
                starts[COMPLETIONS.name, home] = min(starts[COMPLETIONS.name, home], position)
        async for records in self._log.read(starts):
            for record in records:
                completions = read_completions(record.value or b"")
                self._remembered += len(completions)  # what comes again must not be forgotten for what is new
                for completion in completions:
                    self._remember(completion.passenger)
                    if self._lane is not None:
                        self._lane.heard(completion)
            self._log.learn({(records[-1].topic, records[-1].partition): records[-1].offset + 1})
        self._open = True
        if self._lane is not None:
            self._lane.start()

    async def let_go(self) -> None:
        """Let calls under way end within `drain_seconds`, publish them, and forget everything.

        The partitions may go to a worker that would repeat whatever has no outcome in the log by then.
        """
        assert self._runner is not None
        self._open = False  # Faust goes on handing out what it has buffered
        if self._lane is not None:
            await self._lane.stop()
        for ticket in await self._runner.drain(self._settings.worker.drain_seconds):
            self._under_way.pop(ticket.key, None)
        await self._background.settled()
        self._under_way.clear()
        self._done.clear()
        self._remembered = self._settings.intake.known_ids
        self._capacity.reset()

    def refine(self, topic: str, partition: int, marks: Marks) -> Marks:
        """Keep the marks that recovery reads from; the positions at delivery are old enough."""
        del topic
        places = [(COMPLETIONS.name, home) for home in range(self._settings.kafka.partitions)]
        if self._lane is None:
            return kept(marks, places)
        jobs = (JOBS.name, partition)
        first = self._lane.hold_back(partition)
        held = dict(kept(marks, [*places, jobs]))
        if first is not None and jobs in held:
            held[jobs] = min(held[jobs], first)
        return held


def key_of(passenger: Passenger) -> str:
    """Return the key under which a call is known: one call per tenant and request id."""
    return f"{passenger.tenant}\x00{passenger.id}"


def _in_a_window(call: Call) -> Call:
    """Return a call of the batch lane, which does not take it, as one of the lane before it."""
    if call.passenger.lane is not Lane.BATCH:
        return call
    return msgspec.structs.replace(call, passenger=msgspec.structs.replace(call.passenger, lane=Lane.BULK))
