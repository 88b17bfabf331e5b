"""Doing for one job what it needs next: submit, find, cancel, look and collect. The order of steps is what is proven.

Before anything that a provider bills, the intention is durable; after anything that may have happened or not, it is
looked for before it is tried again. Whoever is killed between two lines here leaves a state that says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from agents.providers.batches.book import Item, Job
from agents.providers.batches.completions import completion_of
from agents.providers.batches.identity import paid_call_id
from agents.providers.batches.interface import BatchInterface, Created
from agents.providers.batches.plan import Errand
from agents.providers.batches.shard import Shard
from agents.providers.protocol import decode_prompt
from schemas.batch import Completion
from schemas.errors import ProviderError, ProviderRefused
from schemas.jobs import (
    CancelAsked,
    CollectionBegun,
    InputUploaded,
    ItemsAnswered,
    JobClosed,
    JobCreated,
    JobRefused,
    SubmissionBegun,
)
from schemas.settings import BatchSettings
from streams.catchall import frames_of

logger = logging.getLogger(__name__)

RESULTS_AT_ONCE = 500
"""Completions published, or lines made, before others may have a turn."""

Publish = Callable[[list[Completion]], Awaitable[None]]
"""Makes completions durable."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs the errands of all shards.

    Attributes:
        interfaces: By provider.
        publish: Makes completions durable.
        positions: Returns where the completions end, by partition, as far as known.
        charged: Paid calls whose completion is known to be durable, by their ids.
        clock: Returns Unix seconds.
    """

    interfaces: Mapping[str, BatchInterface]
    settings: BatchSettings
    publish: Publish
    positions: Callable[[], dict[int, int]]
    charged: Collection[str]
    clock: Callable[[], float]

    async def run(self, shard: Shard, job: Job, errand: Errand) -> None:
        """Do an errand; what the provider does not do now is asked again later."""
        interface = self.interfaces[job.provider]
        settings = self.settings
        shard.memory.look_at[job.key] = self.clock() + settings.poll_seconds
        try:
            if errand is Errand.CREATE:
                await self._create(shard, job, interface)
            elif errand is Errand.FIND:
                await self._find(shard, job, interface)
            elif errand is Errand.CANCEL:
                await self._cancel(shard, job, interface)
            else:
                await self._look(shard, job, interface)
        except ProviderError as error:
            where = {"job": job.key, "provider": job.provider, "errand": errand.name, "error": str(error)}
            logger.warning("a batch interface did not do what was asked; it is asked again", extra=where)

    async def _create(self, shard: Shard, job: Job, interface: BatchInterface) -> None:
        items = [shard.book.items[name] for name in job.items]
        await shard.open_up(items)
        if not all(item.waits for item in items):
            await shard.write([JobRefused(job.key, "some of its items had to be called meanwhile", again=True)])
            return
        lines = await _lines(items, job, interface)
        if lines is None or sum(map(len, lines)) + len(lines) > interface.limits.bytes:
            await shard.write([JobRefused(job.key, "its lines could not be made, or are longer than estimated")])
            return
        try:
            created = await self._submit(shard, job, interface, lines)
        except ProviderRefused as no:
            logger.warning("a batch was refused", extra={"job": job.key, "error": str(no)})
            await shard.write([JobRefused(job.key, no.message)])
            return
        if created is not None:
            await shard.write([JobCreated(job.key, created.batch, created.created_at)])

    async def _submit(self, shard: Shard, job: Job, interface: BatchInterface, lines: list[bytes]) -> Created | None:
        file = job.file
        if file is None:
            file = await interface.upload(job.key, lines)
            if file is not None and not await shard.write([InputUploaded(job.key, file)]):
                return None
        shard.memory.absent.discard(job.key)
        if not await shard.write([SubmissionBegun(job.key)]):
            return None
        shard.memory.look_at[job.key] = self.clock() + self.settings.timeout_seconds + self.settings.settle_seconds
        created = await interface.create(job.key, lines, file)
        shard.memory.look_at[job.key] = self.clock() + self.settings.poll_seconds
        return created

    async def _find(self, shard: Shard, job: Job, interface: BatchInterface) -> None:
        finding = await interface.find(job.key, frozenset(job.items), job.intended_at)
        if finding.created is not None:
            await shard.write([JobCreated(job.key, finding.created.batch, finding.created.created_at)])
            shard.memory.look_at.pop(job.key, None)
        elif not finding.unclear:
            shard.memory.absent.add(job.key)
            shard.memory.look_at.pop(job.key, None)

    async def _cancel(self, shard: Shard, job: Job, interface: BatchInterface) -> None:
        assert job.batch is not None, "only what exists is cancelled"
        try:
            await interface.cancel(job.batch)
        except ProviderError as error:  # it may have ended meanwhile: a look tells
            logger.info("a batch could not be cancelled", extra={"job": job.key, "error": str(error)})
        else:
            await shard.write([CancelAsked(job.key)])
        await self._look(shard, job, interface)

    async def _look(self, shard: Shard, job: Job, interface: BatchInterface) -> None:
        assert job.batch is not None, "only what exists is looked at"
        if not await interface.ended(job.batch):
            return
        if job.positions is None and not await shard.write([CollectionBegun(job.key, self.positions())]):
            return
        await shard.open_up(shard.book.items[name] for name in job.items if name in shard.book.items)
        completions: list[Completion] = []
        async for outcome in interface.results(job.batch):
            item = shard.book.items.get(outcome.item)
            if item is None or item.job != job.key or paid_call_id(job.batch, outcome.item) in self.charged:
                continue
            completion = completion_of(item, job, outcome, self.clock())
            if completion is not None:
                completions.append(completion)
            if len(completions) >= RESULTS_AT_ONCE:
                await self._publish(shard, completions)
                completions = []
        await self._publish(shard, completions)
        if await shard.write([JobClosed(job.key)]):
            shard.memory.look_at.pop(job.key, None)
            logger.info("a batch was collected", extra={"job": job.key, "items": len(job.items)})

    async def _publish(self, shard: Shard, completions: list[Completion]) -> None:
        if completions and shard.in_charge:
            await self.publish(completions)
            names = [call.id.rpartition("/")[2] for completion in completions for call in completion.paid]
            await shard.write([ItemsAnswered(names)])


async def _lines(items: Sequence[Item], job: Job, interface: BatchInterface) -> list[bytes] | None:
    """Return the line of every item; None when there is a fault in one: called one by one, only that one fails."""
    lines: list[bytes] = []
    try:
        for item in items:
            lines.append(interface.line(item.id, decode_prompt(item.call.body), job.model))
            if len(lines) % RESULTS_AT_ONCE == 0:
                await asyncio.sleep(0)
    except Exception as bug:  # noqa: BLE001 - a batch interface is an extension: its bug costs the job, no worker
        where = {"job": job.key, "provider": job.provider, "frames": frames_of(bug)}
        logger.error("bug in a batch interface", extra=where)
        return None
    return lines
