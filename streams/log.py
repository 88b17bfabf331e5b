"""The log as the stages see it: publish durably, read a stretch, know how far one has written."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol

from streams.envelope import Publication
from streams.records import Record
from streams.transport.offsets import Marks


class Log(Protocol):
    """What a stage needs of the broker besides its own input."""

    async def publish(self, topic: str, partition: int, publications: Sequence[Publication]) -> list[int]:
        """Publish in order to one partition; return the offset of each once all are durable."""
        ...

    def read(
        self, starts: Mapping[tuple[str, int], int], *, newest: int | None = None
    ) -> AsyncGenerator[list[Record], None]:
        """Yield the records from `starts` to the present end; at least the `newest` of each partition if given."""
        ...

    async def fetch(self, topic: str, partition: int, offsets: Sequence[int]) -> list[Record | None]:
        """Return the records at these offsets, each None when the log no longer holds it."""
        ...

    async def identity(self) -> str:
        """Return the id of this log: one that began anew has another."""
        ...

    def positions(self) -> Marks:
        """Return the next position by (topic, partition), as far as this process has written or learnt."""
        ...

    def learn(self, marks: Marks) -> None:
        """Take over positions known from checkpoints; they never go back."""
        ...
