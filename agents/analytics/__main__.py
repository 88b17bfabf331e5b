"""One analyst process: `python -m agents.analytics`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from schemas.errors import AsahiError
from schemas.settings import Settings, load_settings
from streams.deadline import told_to_stop
from streams.logs import configure_logging
from streams.metrics.endpoint import Condition, endpoint
from streams.metrics.exposition import of_this_process

logger = logging.getLogger(__name__)

FAILED = 1


async def serve(settings: Settings) -> None:
    """Run the analyst until SIGTERM or SIGINT."""
    from agents.analytics.live.analyst import (
        run_analyst,
    )  # the process beside it, which imports this, needs none of it

    stop = told_to_stop(settings.worker.stop_seconds)
    if not settings.analytics.enabled:
        logger.info("there is nothing to do: analytics.enabled is off")
        await stop.wait()
        return

    async def figures() -> Iterable[Metric]:
        return of_this_process()

    async def health() -> Condition:
        return Condition(True, "ok")

    async with endpoint(settings.metrics, figures, health):
        await run_analyst(settings, stop, time.time)


def main() -> int:
    """Run with the configuration of this environment."""
    import uvloop

    try:
        settings = load_settings()
        configure_logging(settings.worker.log_level)
        uvloop.run(serve(settings))
    except AsahiError as wrong:
        print(f"asahi analyst: {wrong}", file=sys.stderr)  # noqa: T201 - the last word of a process that cannot start
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
