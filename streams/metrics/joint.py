"""The one place that joins the figures of all processes with what the broker says of the stages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from prometheus_client.metrics_core import Metric

from schemas.errors import BrokerUnavailable
from schemas.settings import Settings
from streams.health import StageHealth, Verdict, stage_health
from streams.metrics import catalogue
from streams.metrics.endpoint import Condition
from streams.metrics.families import family, single
from streams.metrics.joining import addresses, ask, joined

FRESH_SECONDS = 2.0
"""So long an answer of the broker counts for whoever asks next: it takes a connection to every partition's leader."""


class Joint:
    """Figures of all processes and all stages.

    Args:
        settings: Reach the broker; `metrics` names processes and how long to wait for them.
        processes: Returns those of the embedded stack: `host:port` by name.
    """

    def __init__(self, settings: Settings, processes: Callable[[], Mapping[str, str]]) -> None:
        self._settings = settings
        self._processes = processes
        self._asking = asyncio.Lock()
        self._stages: list[StageHealth] | None = None
        self._asked_at = float("-inf")

    async def processes(self) -> dict[str, str]:
        """Return `host:port` of every process, by name."""
        return {**self._processes(), **await addresses(self._settings.metrics.targets)}

    async def figures(self) -> Iterable[Metric]:
        """Return the figures of all; what does not answer is shown as down."""
        stages, answers = await asyncio.gather(
            self._asked_stages(), ask(await self.processes(), self._settings.metrics.timeout_seconds)
        )
        return chain(of_stages(stages), joined(answers))

    async def condition(self) -> Condition:
        """Return whether every stage does its work, as `asahi status` says."""
        stages = await self._asked_stages()
        if stages is None:
            return Condition(False, "broker_away")
        verdicts = {f"{stage.stage} {stage.topic}": stage.verdict.value for stage in stages}
        ok = all(stage.verdict is Verdict.OK for stage in stages)
        return Condition(ok, "ok" if ok else "behind_or_down", {"stages": verdicts})

    async def _asked_stages(self) -> list[StageHealth] | None:
        """Return how the stages are; None while no broker answers."""
        async with self._asking:
            if time.monotonic() - self._asked_at > FRESH_SECONDS:
                try:
                    self._stages = await stage_health(self._settings)
                except BrokerUnavailable:
                    self._stages = None
                self._asked_at = time.monotonic()
            return self._stages


def of_stages(stages: Sequence[StageHealth] | None) -> Iterator[Metric]:
    """Give the figures of the stages; None where no broker answers."""
    yield single(catalogue.BROKER_UP, int(stages is not None))
    by_place = [((stage.stage, stage.topic), stage) for stage in stages or ()]
    yield family(catalogue.LAG, [(place, stage.lag) for place, stage in by_place])
    yield family(catalogue.AGE, [(place, stage.oldest_seconds) for place, stage in by_place])
    yield family(catalogue.MEMBERS, [(place, stage.members) for place, stage in by_place])
    yield family(catalogue.HEALTHY, [(place, int(stage.verdict is Verdict.OK)) for place, stage in by_place])
