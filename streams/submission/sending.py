"""Putting requests on `asahi.requests`, many to a message, to the partition that owns their tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from streams.envelope import CONTENT_TYPE, Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.signing import Signer
from streams.submission.content import ContentAccess
from streams.submission.packing import pack
from streams.submission.window import Entry
from streams.topics import REQUESTS

BULK_HEADERS = [("content-type", CONTENT_TYPE)]


class RequestSender:
    """Sends what is under way.

    Args:
        outbox: Started.
        partitions: Of `asahi.requests`.
        message_bytes: A message is closed before it grows beyond this.
        signer: Signs the messages; None sends them unsigned.
        content: Seals what must be; None sends it as it is.
    """

    def __init__(
        self,
        outbox: Outbox,
        partitions: int,
        message_bytes: int,
        signer: Signer | None = None,
        content: ContentAccess | None = None,
    ) -> None:
        self._content = content
        self._outbox = outbox
        self._partitions = partitions
        self._message_bytes = message_bytes
        self._signer = signer

    async def announce(self, entries: Sequence[Entry]) -> None:
        """Put on record that the answers to these requests are opened, before they are."""
        if self._content is not None:
            await self._content.allow({entry.tenant for entry in entries})

    async def send(self, entries: Sequence[Entry]) -> None:
        """Send these requests; return when the broker has them all."""
        if self._content is not None:
            await self.announce(entries)
            entries = [replace(entry, body=self._content.sealed(entry.tenant, entry.body)) for entry in entries]
        by_partition: dict[int, list[Publication]] = {}
        for message in pack(entries, self._message_bytes):
            partition = home_partition(message.tenant, self._partitions)
            publication = Publication(message.value, message.tenant.encode(), BULK_HEADERS)
            if self._signer is not None:
                publication = self._signer.signed(REQUESTS.name, publication)
            by_partition.setdefault(partition, []).append(publication)
        await asyncio.gather(
            *(self._outbox.publish(REQUESTS.name, partition, batch) for partition, batch in by_partition.items())
        )
