"""Writing figures as text, one at a time, so that whoever else has the event loop's time waits for one at most."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _One:
    """A collector of one family, as the library wants it."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        """Give it."""
        yield self._family


def text(family: Metric) -> bytes:
    """Return one family as text."""
    return generate_latest(_One(family))


async def exposition(families: Iterable[Metric]) -> bytes:
    """Return families as text; others get their turn between any two of them."""
    parts: list[bytes] = []
    for family in families:
        parts.append(text(family))
        await asyncio.sleep(0)
    return b"".join(parts)


def of_this_process() -> Iterator[Metric]:
    """Give CPU time, memory, open files and start of this process, by the names that all of Prometheus uses."""
    yield from ProcessCollector(registry=None).collect()
