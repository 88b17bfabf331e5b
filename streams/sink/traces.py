"""Handing results that belong to a trace to whoever sends their spans."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from schemas.settings import TracingSettings
from streams.sink.block import Block
from streams.topics import RESULTS
from streams.tracing.traced import MARK


class Export(Protocol):
    """Takes results; never waits."""

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Results by what became of them."""
        ...

    def offer(self, result: bytes) -> None:
        """Take the JSON of one."""
        ...

    def close(self, seconds: float) -> None:
        """Send what waits if that takes no longer than this; blocks meanwhile."""
        ...


class Traces:
    """The traces of what one sink writes.

    Args:
        export: Sends spans; None sends none.
    """

    def __init__(self, export: Export | None) -> None:
        self._export = export

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Results with a trace context by what became of them."""
        return {} if self._export is None else self._export.outcomes

    def follow(self, block: Block) -> None:
        """Offer the results of a block that is in ClickHouse now."""
        if self._export is None:
            return
        for place, records in block.in_order():
            if place.topic == RESULTS.name:
                for record in records:
                    if record.value is not None and MARK in record.value:
                        self._export.offer(record.value)

    async def close(self, seconds: float) -> None:
        """Send what waits if that takes no longer than this."""
        if self._export is not None:
            await asyncio.to_thread(self._export.close, seconds)


def configured_traces(settings: TracingSettings) -> Traces:
    """Return the traces of a sink, as the settings want them."""
    if not settings.endpoint:
        return Traces(None)
    from streams.tracing.export import configured_export  # 0.2 s of imports that few need

    return Traces(configured_export(settings))
