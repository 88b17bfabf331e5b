"""Batch interfaces of workers in memory: one provider's desk, reached by processes that may die at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import msgspec

from agents.providers.batches.interface import Created, Finding, Outcome
from agents.providers.batches.openai import OpenAIBatches, outcome_of
from agents.providers.batches.packing import Limits
from agents.providers.protocol import Prompt
from schemas.errors import ProviderOverloaded, ProviderRefused
from tests.servers.batch_desk import BatchDesk, DeskBatch
from tests.servers.batches import openai_line, shuffled

Step = Callable[[str], Awaitable[None]]
LATE_SECONDS = 0.45
"""After which a submission lands whose sender has died, or hears of nothing any more."""
LIMITS = Limits(1000, 1_000_000)


class _Line(msgspec.Struct):
    custom_id: str
    body: msgspec.Raw


@dataclass(slots=True)
class MemoryBatches:
    """A `BatchInterface` of one process.

    Attributes:
        desk: Shared by all processes.
        step: Called before a message arrives and before its answer is heard; never returns to a dead process.
        labelled: Whether batches carry the job's key, as OpenAI's do; otherwise they are told apart as Anthropic's.
    """

    desk: BatchDesk
    step: Step
    labelled: bool = True
    limits: Limits = LIMITS

    def line(self, item: str, prompt: Prompt, model: str) -> bytes:
        """Return the line of one item."""
        return OpenAIBatches.line(self, item, prompt, model)  # type: ignore[arg-type]  # it reads nothing of itself

    async def upload(self, job: str, lines: Sequence[bytes]) -> str | None:
        """Upload where there is a label."""
        if not self.labelled:
            return None
        await self.step("upload")
        file = self.desk.upload(job, b"\n".join(lines)).file
        await self.step("hear of the upload")
        return file

    async def create(self, job: str, lines: Sequence[bytes], file: str | None) -> Created:
        """Submit; the answer may get lost."""
        content = lines if file is None else self.desk.files[file].content.splitlines()
        decoded = [msgspec.json.decode(line, type=_Line) for line in content]
        if any(b"refuse me" in bytes(line.body) for line in decoded):
            raise ProviderRefused("provider_refused", "status 400")
        landing = asyncio.get_running_loop().call_later(LATE_SECONDS, self._land, job, decoded)
        await self.step("submit")  # whoever dies here has sent it, and it lands all the same
        landing.cancel()
        batch = self._land(job, decoded)
        await self.step("hear of the submission")
        if self.desk.unanswered:
            self.desk.unanswered -= 1
            raise ProviderOverloaded("provider_unreachable", "connection failed")
        return Created(batch.id, batch.created_at)

    async def find(self, job: str, items: Collection[str], since: float) -> Finding:
        """Look for the label, or for the items of a batch that has ended."""
        await self.step("find")
        unclear = False
        for batch in self.desk.newest_first():
            if self.labelled and batch.label == job:
                return Finding(Created(batch.id, batch.created_at))
            if not self.labelled and len(batch.items) == len(items) and batch.created_at >= since - 1:
                if not batch.ended(self.desk.clock()):
                    unclear = True
                elif next(iter(batch.items)) in items:
                    return Finding(Created(batch.id, batch.created_at))
        await self.step("hear of the search")
        return Finding(unclear=unclear)

    async def ended(self, batch: str) -> bool:
        """Look at a batch."""
        await self.step("look")
        return self._batch(batch).ended(self.desk.clock())

    async def cancel(self, batch: str) -> None:
        """Stop a batch."""
        await self.step("cancel")
        if self._batch(batch).ended(self.desk.clock()):
            raise ProviderRefused("provider_refused", "status 409")
        self.desk.stop(batch)
        await self.step("hear of the cancellation")

    async def results(self, batch: str) -> AsyncIterator[Outcome]:
        """Yield results in an order of their own."""
        found = self._batch(batch)
        for item in shuffled(found):
            yield outcome_of(openai_line(found, item))
            await self.step("read a result")

    async def close(self) -> None:
        """Nothing is held."""

    def _land(self, job: str, lines: Sequence[_Line]) -> DeskBatch:
        bodies = {line.custom_id: msgspec.json.decode(line.body) for line in lines}
        return self.desk.submit(bodies, label=job if self.labelled else None)

    def _batch(self, batch: str) -> DeskBatch:
        return self.desk.batches[batch]
