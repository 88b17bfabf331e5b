"""One shard's facts in the log: written by whoever is in charge, folded once they are durable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from agents.providers.batches.book import NO_EPOCH, Item, JobBook
from agents.providers.batches.plan import Memory
from schemas.batch import Call
from schemas.jobs import AnyFact, ItemsTaken, JobRecord, ShardTaken
from streams.envelope import Publication
from streams.log import Log
from streams.records import Record
from streams.sealing.codec import ContentCodec, NoKeys, read_job
from streams.sealing.patience import Patience
from streams.topics import JOBS

logger = logging.getLogger(__name__)

CALL_BYTES = 1_024
"""What a call holds besides its body, about."""


class Shard:
    """The jobs of one dispatch partition, for as long as this worker is in charge of it.

    Args:
        number: Of the partition.
        log: Where the facts go.
        clock: Returns Unix seconds.
        batch_bytes: Records are split beyond this size.
        codec: Seals and opens the calls in them.
        patience: Waits for data keys that are out of reach.

    Attributes:
        book: What is open, as far as it is durable.
        memory: What this writer knows of its own attempts.
        answered: Items whose completion is durable and not yet written down.
        deciding: Whether decisions are being made durable; there is one at a time.
        busy: Jobs with an errand under way.
        called: Items that this worker calls, or has called.
        lost_at: When another writer was seen to be in charge, in Unix seconds.
        plan_at: Unix seconds of the next look at what is due.
    """

    def __init__(
        self,
        number: int,
        log: Log,
        clock: Callable[[], float],
        batch_bytes: int,
        codec: ContentCodec = ContentCodec(),  # noqa: B008 - it holds nothing
        patience: Patience | None = None,
    ) -> None:
        self._codec = codec
        self._patience = patience or Patience(NoKeys())
        self.number = number
        self.book = JobBook()
        self.memory = Memory()
        self.answered: list[str] = []
        self.deciding = False
        self.busy: set[str] = set()
        self.called: set[str] = set()
        self.lost_at: float | None = None
        self.plan_at = 0.0
        self._log = log
        self._clock = clock
        self._batch_bytes = batch_bytes
        self._writing = asyncio.Lock()
        self._epoch = NO_EPOCH
        self._end = 0

    @property
    def in_charge(self) -> bool:
        """Whether no other writer has taken the shard, as far as is known."""
        return self._leads()

    async def take(self) -> None:
        """Take charge: whatever a predecessor decides behind this record does not count."""
        (self._epoch,) = await self._publish([JobRecord(NO_EPOCH, self._clock(), [ShardTaken()])])

    def read(self, records: Iterable[Record]) -> None:
        """Fold what was written before, in order; its calls stay sealed until somebody needs them (`open_up`)."""
        for record in records:
            if record.offset >= self._end:
                self.book.fold(read_job(record.value or b""), record.offset)
                self._end = record.offset + 1

    async def open_up(self, items: Iterable[Item]) -> None:
        """Open the calls that came sealed from the log, once every data key they need is within reach."""
        for item in items:
            item.call = await self._patience.through(partial(self._codec.opened_call, item.call))

    async def take_back(self) -> None:
        """Take charge again after another writer has: one that had been given up, or the log says otherwise.

        Who owns a partition is decided by the broker, and who writes last is in charge here: a worker that was taken
        for dead may take a shard after its successor did. Whoever still owns the partition a while later takes it
        back.
        """
        async with self._writing:
            record = JobRecord(NO_EPOCH, self._clock(), [ShardTaken()])
            (epoch,) = await self._publish([record])
            await self._fold_own([epoch], [record])
            self._epoch = epoch
            self.lost_at = None

    async def write(self, facts: Sequence[AnyFact], *, anyway: bool = False) -> bool:
        """Make facts durable and fold them.

        Args:
            facts: In order.
            anyway: They are true whoever writes them, so they are written without being in charge, too.

        Returns:
            Whether this writer is still in charge. If it is not, nothing may be done because of the facts: records of
            another writer lie between, and whoever wrote them has decided otherwise.
        """
        async with self._writing:
            if not anyway and not self._leads():
                return False
            now = self._clock()
            records = [JobRecord(self._epoch, now, one) for one in _split(facts, self._batch_bytes)]
            await self._fold_own(await self._publish(records), records)
            leads = self._leads()
            if not leads:
                logger.warning("another worker leads these jobs now", extra={"shard": self.number})
            return leads

    def _leads(self) -> bool:
        return self.book.epoch <= self._epoch

    async def _publish(self, records: Sequence[JobRecord]) -> list[int]:
        encoded = await self._patience.through(lambda: [Publication(self._codec.encode_job(one)) for one in records])
        return await self._log.publish(JOBS.name, self.number, encoded)

    async def _fold_own(self, offsets: Sequence[int], records: Sequence[JobRecord]) -> None:
        for offset, record in zip(offsets, records, strict=True):
            if offset > self._end:
                await self._catch_up(offset)
            self.book.fold(record, offset)
            self._end = offset + 1

    async def _catch_up(self, until: int) -> None:
        """Fold what somebody else has written meanwhile."""
        async for records in self._log.read({(JOBS.name, self.number): self._end}):
            self.read(record for record in records if record.offset < until)


def _split(facts: Sequence[AnyFact], batch_bytes: int) -> list[list[AnyFact]]:
    """Return the facts in records below the batch size, as estimated; only calls are large."""
    records: list[list[AnyFact]] = []
    small: list[AnyFact] = []
    for fact in facts:
        if isinstance(fact, ItemsTaken):
            records += [[ItemsTaken(calls)] for calls in _portions(fact.calls, batch_bytes)]
        else:
            small.append(fact)
    return [*records, small] if small else records


def _portions(calls: Iterable[Call], batch_bytes: int) -> list[list[Call]]:
    portions: list[list[Call]] = []
    size = batch_bytes
    for call in calls:
        weight = len(call.body) + CALL_BYTES
        if size + weight > batch_bytes:
            portions.append([])
            size = 0
        portions[-1].append(call)
        size += weight
    return portions
