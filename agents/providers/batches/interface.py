"""What a batch interface must be able to do, whoever's it is. Adding one is a file and a line in `interfaces.py`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import NamedTuple, Protocol

import msgspec

from agents.providers.batches.packing import Limits
from agents.providers.protocol import Prompt, Reply
from schemas.errors import ProviderUnreadable
from schemas.wire import Tokens

logger = logging.getLogger(__name__)

CLOCK_SKEW_SECONDS = 300.0
"""How far a provider's clock may be behind ours when batches made since some moment are looked for."""


class Created(NamedTuple):
    """A batch the provider has.

    Attributes:
        created_at: Unix seconds, by the provider's clock.
    """

    batch: str
    created_at: float


class Finding(NamedTuple):
    """Whether a job was submitted before.

    Attributes:
        created: The job's batch, when it is there.
        unclear: A batch may be the job's, but cannot be told yet; nothing may be submitted meanwhile.
    """

    created: Created | None = None
    unclear: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """What the batch says of one item.

    Attributes:
        item: The custom id.
        reply: The answer, with what was billed for it.
        billed: What was billed for an answer that cannot be read.
        reason: Why there is no answer: the provider's own word for it.
    """

    item: str
    reply: Reply | None = None
    billed: Tokens | None = None
    reason: str = ""


class BatchInterface(Protocol):
    """One provider's batches. Nothing here is tried again: the lane asks again, after having looked.

    Every method raises a `ProviderError`: `ProviderRefused` when the provider has decided not to do it, any other
    when nobody knows whether it was done.
    """

    @property
    def limits(self) -> Limits:
        """The most that one batch may hold."""
        ...

    def line(self, item: str, prompt: Prompt, model: str) -> bytes:
        """Return the JSON that asks for one item."""
        ...

    async def upload(self, job: str, lines: Sequence[bytes]) -> str | None:
        """Hand over the lines ahead of the batch, where that is a step of its own; return the name they go by."""
        ...

    async def create(self, job: str, lines: Sequence[bytes], file: str | None) -> Created:
        """Submit the batch; it is billed from here on."""
        ...

    async def find(self, job: str, items: Collection[str], since: float) -> Finding:
        """Look for the job among the batches made since a moment in Unix seconds."""
        ...

    async def ended(self, batch: str) -> bool:
        """Return whether the batch has ended, well or not, so that all its results are there."""
        ...

    async def cancel(self, batch: str) -> None:
        """Ask the provider to stop; what it has answered by then is billed."""
        ...

    def results(self, batch: str) -> AsyncIterator[Outcome]:
        """Yield what became of the items of a batch that has ended, in any order; some may be missing."""
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...


async def outcomes(lines: AsyncIterator[bytes], read: Callable[[bytes], Outcome]) -> AsyncIterator[Outcome]:
    """Yield what the lines of a file of results say; one that cannot be read leaves its item without an answer."""
    async for line in lines:
        try:
            outcome = read(line)
        except ProviderUnreadable as wrong:
            logger.warning("a batch's result is skipped", extra={"error": wrong.message})
        else:
            yield outcome
