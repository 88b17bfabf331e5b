"""Owning partitions of tenants: the state behind them is rebuilt from the log whenever they are gained."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing

import msgspec

from schemas.batch import CallBatch
from schemas.errors import KeyOutOfReach
from schemas.settings import Settings
from schemas.verdict import Verdict
from streams.background import Background
from streams.log import Log
from streams.receipts import Capacity
from streams.sealing.codec import ContentCodec, read_completions
from streams.tenancy.calls_known import Dispatched, know_call, know_dispatched, know_ended, know_leaders, look_back
from streams.tenancy.inheritance import Inheritance
from streams.tenancy.state import PartitionState, ledger_key
from streams.topics import BALANCES, COMPLETIONS, DISPATCH, FEEDBACK, REQUESTS, RESULTS, USAGE, VERDICTS
from streams.transport.offsets import NO_MARKS, Checkpoint, Marks, kept

logger = logging.getLogger(__name__)

NewState = Callable[[int], PartitionState]
Clock = Callable[[], float]
Checkpoints = Mapping[tuple[str, int], Checkpoint]

MESSAGES_READ = f"{REQUESTS.name}/read"
"""Marks from where on the messages of a partition are still told apart from replays."""
NEWEST = 10
"""Records read to learn where a partition ends; the last offsets may be marks of transactions and no records."""


class _KnownResult(msgspec.Struct):
    """The fields of a result that the ledger needs."""

    id: str
    tenant: str | None = None
    request_digest: str | None = None


class _KnownUsage(msgspec.Struct):
    id: str


_results = msgspec.json.Decoder(_KnownResult)
_usages = msgspec.json.Decoder(_KnownUsage)
_verdicts = msgspec.msgpack.Decoder(Verdict)
_calls = msgspec.msgpack.Decoder(CallBatch)


class Tenancy:
    """The partitions of tenants this worker owns.

    Args:
        new_state: Makes the empty state of a partition.
        ready: Set once the tenants are known; nothing is processed before.
        background: Deliveries under way.
        capacity: What the requests under way are counted against.
        codec: Opens answers, for the cache.
    """

    topics = (REQUESTS.name, COMPLETIONS.name, FEEDBACK.name)

    def __init__(
        self,
        settings: Settings,
        log: Log,
        new_state: NewState,
        ready: asyncio.Event,
        background: Background,
        capacity: Capacity,
        clock: Clock,
        codec: ContentCodec,
    ) -> None:
        self._codec = codec
        self._settings = settings
        self._log = log
        self._new_state = new_state
        self._ready = ready
        self._background = background
        self._capacity = capacity
        self._clock = clock
        self.states: dict[int, PartitionState] = {}
        self._departing: dict[int, PartitionState] = {}
        self._recalled_from: dict[int, int] = {}

    async def take_over(self, partitions: frozenset[int], checkpoints: Checkpoints) -> None:
        """Rebuild: where requests end, those finished, calls under way, answers, what was paid already."""
        await self._ready.wait()
        states = {partition: self._new_state(partition) for partition in partitions}
        self._departing = {}
        await self._know_inheritance(states, checkpoints)
        await self._know_messages(states, checkpoints)
        ends = await self._know_results(states, checkpoints)
        steps = await self._know_calls(states, checkpoints)
        know_dispatched(states, steps)
        for partition, end in ends.items():
            states[partition].results_position = end
        await self._know_verdicts(states)
        await self._know_answers(states, checkpoints)
        for state in states.values():
            know_leaders(state)
        await self._know_balances(states)
        await self._know_usage(states, checkpoints)
        self.states = states
        self.evict()  # what was heard of while the answers were read

    async def let_go(self) -> None:
        """Take in nothing more and finish the deliveries under way; the last checkpoints may still be refined.

        Faust goes on handing out what it has buffered: whatever began now would be done again by the next owner.
        """
        self._departing, self.states = {**self._departing, **self.states}, {}
        await self._background.settled()
        self._capacity.reset()

    def refine(self, topic: str, partition: int, marks: Marks) -> Marks:
        """Keep the marks that recovery reads from, those of requests moved back to the oldest call under way."""
        if topic == FEEDBACK.name:
            return NO_MARKS
        if topic == COMPLETIONS.name:
            return kept(marks, ((RESULTS.name, partition), (USAGE.name, partition)))
        shards = range(self._settings.kafka.partitions)
        messages = (MESSAGES_READ, partition)
        places = (messages, (RESULTS.name, partition), (COMPLETIONS.name, partition))
        marks = kept(marks, (*places, *((DISPATCH.name, shard) for shard in shards)))
        if partition in self._recalled_from:  # here a missing mark does not mean the start of the log
            marks = {messages: self._recalled_from[partition], **marks}
        state = self.states.get(partition) or self._departing.get(partition)
        return marks if state is None else state.calls.move_back(marks, partition)

    def forget(self, data_key: str) -> None:
        """Drop what is held under a data key that was destroyed."""
        for state in self.states.values():
            state.cache.forget(data_key)
            state.intermediate.forget(data_key)

    def evict(self) -> None:
        """Drop the answers that were taken out of the cache meanwhile."""
        for state in self.states.values():
            state.cache.evict()

    def _mark(self, checkpoints: Checkpoints, topic: str, partition: int, place: tuple[str, int]) -> int:
        point = checkpoints.get((topic, partition))
        return 0 if point is None else point.marks.get(place, 0)

    def note_messages(self, state: PartitionState) -> None:
        """Note how far back a successor must read to tell replays from what comes first."""
        reach = state.entrance.reach
        if reach is not None:
            self._log.learn({(MESSAGES_READ, state.partition): reach})

    def note_completions(self, state: PartitionState, position: int) -> None:
        """Note how far the completions of a partition are taken in: those of calls made from now on lie behind."""
        state.completions_position = position
        self._log.learn({(COMPLETIONS.name, state.partition): position})

    async def _know_inheritance(self, states: Mapping[int, PartitionState], checkpoints: Checkpoints) -> None:
        """Note where the requests end: what comes behind is news, of the rest a predecessor may have let in some."""
        most, fetched = self._settings.worker.max_outstanding, self._settings.kafka.max_poll_records
        async for records in self._log.read({(REQUESTS.name, p): sys.maxsize for p in states}, newest=NEWEST):
            last = records[-1]
            held = most if (REQUESTS.name, last.partition) in checkpoints else 0  # else there was no predecessor
            states[last.partition].inherited = Inheritance(last.offset + 1, held, fetched)

    async def _know_messages(self, states: Mapping[int, PartitionState], checkpoints: Checkpoints) -> None:
        """Recall the messages before those that come again, as far back as one of them may be a replay of."""
        self._recalled_from = {}
        for p, state in states.items():
            if not state.entrance.remembers:
                continue
            point = checkpoints.get((REQUESTS.name, p))
            end = 0 if point is None else point.offset
            start = end if point is None else point.marks.get((MESSAGES_READ, p), end)
            self._recalled_from[p] = start
            if start < end:
                await self._recall(state, start, end)

    async def _recall(self, state: PartitionState, start: int, end: int) -> None:
        now = self._clock()
        async with aclosing(self._log.read({(REQUESTS.name, state.partition): start})) as stretches:
            async for records in stretches:
                for record in records:
                    if record.offset < end:
                        state.entrance.recall(record, now)
                if records[-1].offset >= end - 1:
                    return  # the rest is delivered, and there may be much of it

    async def _know_results(self, states: Mapping[int, PartitionState], checkpoints: Checkpoints) -> dict[int, int]:
        """Read the results that requests or completions which come again may have had; return where they end."""
        ends = {
            p: min(
                self._mark(checkpoints, topic, p, (RESULTS.name, p)) for topic in (REQUESTS.name, COMPLETIONS.name)
            )
            for p in states
        }
        for p, state in states.items():
            state.results_position = ends[p]  # what is under way now was dispatched when they ended here or behind
        starts = {(RESULTS.name, p): mark for p, mark in ends.items()}
        async for records in self._log.read(starts, newest=self._settings.intake.recover_results):
            for record in records:
                if record.value is None:
                    continue
                state, known = states[record.partition], _results.decode(record.value)
                key = ledger_key(known.tenant, known.id)
                state.ledger.make_room(record.offset + 1 - state.results_position)
                if not state.ledger.has_ended(key):  # the first result is the one that counts
                    state.ledger.ended(key, known.request_digest or "", record.offset)
            ends[records[-1].partition] = records[-1].offset + 1
        self._log.learn({(RESULTS.name, p): end for p, end in ends.items()})
        return ends

    async def _know_calls(self, states: Mapping[int, PartitionState], checkpoints: Checkpoints) -> list[Dispatched]:
        """Know the calls under way; return those of steps, with partition and offset of each."""
        steps: list[Dispatched] = []
        look_back(states, checkpoints)
        shards = range(self._settings.kafka.partitions)
        marks = {
            p: {q: self._mark(checkpoints, REQUESTS.name, p, (DISPATCH.name, q)) for q in shards} for p in states
        }
        starts = {(DISPATCH.name, q): min(marks[p][q] for p in states) for q in shards} if states else {}
        async for records in self._log.read(starts):
            for record in records:
                for call in _calls.decode(record.value or b"").calls:
                    passenger = call.passenger
                    state = states.get(passenger.partition)
                    if state is None or record.offset < marks[passenger.partition][record.partition]:
                        continue
                    if passenger.step is not None:
                        steps.append((passenger, record.partition, record.offset))
                    else:
                        know_call(state, call, record)
            self._log.learn({(records[-1].topic, records[-1].partition): records[-1].offset + 1})
        return steps

    async def _know_verdicts(self, states: Mapping[int, PartitionState]) -> None:
        """Read which answers to questions in other words were right, before any answer is kept."""
        if not self._settings.semantic.enabled:
            return  # nobody compares them
        async for records in self._log.read({(VERDICTS.name, p): 0 for p in states}):
            heard = [_verdicts.decode(record.value) for record in records if record.value is not None]
            states[records[0].partition].cache.judge(heard)

    async def _know_answers(self, states: Mapping[int, PartitionState], checkpoints: Checkpoints) -> None:
        """Fill the cache, also with what comes again as news: a request may come before it and need not be called."""
        points = {p: checkpoints.get((COMPLETIONS.name, p)) for p in states}
        starts = {(COMPLETIONS.name, p): state.completions_position for p, state in states.items()}
        newest = self._settings.intake.recover_completions
        now = self._clock()
        closed: dict[str, KeyOutOfReach] = {}
        async for records in self._log.read(starts, newest=newest):
            for record in records:
                state, point = states[record.partition], points[record.partition]
                accounted = point is not None and record.offset < point.offset  # the others come again
                for completion in read_completions(record.value or b""):
                    state.windows.learn(completion)
                    opened = None
                    try:
                        opened = self._codec.opened_completion(completion)
                        state.cache.restore(opened, now)
                    except KeyOutOfReach as away:
                        closed[away.tenant] = away
                    know_ended(state, completion, opened, now, accounted=accounted)
        for p, point in points.items():
            self.note_completions(states[p], 0 if point is None else point.offset)
        for tenant, one in closed.items():  # a take-over waits for nobody: these are asked for again, and paid for
            logger.warning(
                "the cache begins without answers whose data keys are out of reach",
                extra={"tenant": tenant, "reason": one.reason},
            )

    async def _know_balances(self, states: Mapping[int, PartitionState]) -> None:
        """Read what predecessors noted of budgets; requests with a result and calls under way are known by then."""
        async for records in self._log.read({(BALANCES.name, p): 0 for p in states}):
            for record in records:
                if record.value is not None:
                    states[record.partition].spending.restore(record.value)
        for state in states.values():
            state.spending.resume(state.ledger.has_ended)

    async def _know_usage(self, states: Mapping[int, PartitionState], checkpoints: Checkpoints) -> None:
        """Read the usage of completions that come again, and what budgets have not noted."""
        marks = {p: self._mark(checkpoints, COMPLETIONS.name, p, (USAGE.name, p)) for p in states}
        starts = {(USAGE.name, p): min(mark, states[p].spending.recall_from) for p, mark in marks.items()}
        async for records in self._log.read(starts):
            for record in records:
                if record.value is None:
                    continue
                state = states[record.partition]
                if record.offset >= marks[record.partition]:
                    state.usage_seen.add(_usages.decode(record.value).id)
                if record.offset >= state.spending.recall_from:
                    state.spending.recall(record.value, record.offset)
            self._log.learn({(records[-1].topic, records[-1].partition): records[-1].offset + 1})
