"""Writing figures as text a few at a time, so that whoever else needs the event loop waits for a few at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SAMPLES_AT_ONCE = 50
"""Some 0.3 ms."""
TURN_SECONDS = 0.001
HEADER_LINES = 2


class _One:
    """A collector of one family, as the library wants it."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        """Give it."""
        yield self._family


def parts(family: Metric) -> Iterator[bytes]:
    """Give the text of one family, so many samples at a time: a histogram may have hundreds."""
    samples = family.samples
    for start in range(0, max(1, len(samples)), SAMPLES_AT_ONCE):
        part = Metric(family.name, family.documentation, family.type)
        part.samples = samples[start : start + SAMPLES_AT_ONCE]
        text = generate_latest(_One(part))
        yield text if start == 0 else text.split(b"\n", HEADER_LINES)[HEADER_LINES]


async def exposition(families: Iterable[Metric]) -> bytes:
    """Return families as text; others get their turn after a millisecond of it.

    Not more often: in a busy worker one turn of all others takes tens of milliseconds, and somebody waits for this.
    """
    texts: list[bytes] = []
    began = time.perf_counter()
    for family in families:
        for text in parts(family):
            texts.append(text)
            if time.perf_counter() - began > TURN_SECONDS:
                await asyncio.sleep(0)
                began = time.perf_counter()
    return b"".join(texts)


def of_this_process() -> Iterator[Metric]:
    """Give CPU time, memory, open files and start of this process, by the names that all of Prometheus uses."""
    yield from ProcessCollector(registry=None).collect()
