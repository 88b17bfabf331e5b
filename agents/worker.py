"""One worker process: `python -m agents.worker`."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from contextlib import AsyncExitStack

import uvloop
from threadpoolctl import threadpool_limits

from agents.bootstrap import build
from schemas.errors import AsahiError
from schemas.settings import Settings, load_settings
from streams.background import Background
from streams.deadline import end_within
from streams.logs import configure_logging
from streams.metrics.endpoint import endpoint
from streams.outbox import Outbox

logger = logging.getLogger(__name__)

FAILED = 1
GC_THRESHOLDS = (50_000, 50, 100)


async def serve(settings: Settings) -> int:
    """Run the pipeline until SIGTERM or SIGINT; return the exit code."""
    stop = asyncio.Event()
    failures: list[BaseException] = []

    def fatal(failure: BaseException) -> None:
        failures.append(failure)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Outbox(settings.kafka) as outbox, AsyncExitStack() as opened:
        pipeline = build(settings, outbox, fatal)
        await opened.enter_async_context(endpoint(settings.metrics, pipeline.figures, pipeline.condition))
        services = Background(fatal)
        renewal = pipeline.renewal
        beside = [
            services.start(work)
            for work in (
                pipeline.follow_governance(),
                pipeline.check_data_keys(),
                pipeline.presence.announce(),
                pipeline.tick(),
                renewal.follow_file(),
                renewal.follow_experience(),
                pipeline.follow_grades(),
            )
        ]
        await pipeline.app.start()
        logger.info("worker started", extra={"group": settings.kafka.group})
        await stop.wait()
        end_within(settings.worker.stop_seconds)
        if not failures:
            await pipeline.drain()
            await pipeline.presence.leave()
        for task in beside:
            task.cancel()
        await pipeline.app.stop()
    return FAILED if failures else 0


def settle_in() -> None:
    """Set what holds for the whole process of a worker."""
    # Requests by the thousand are alive at once and none of them is garbage: look for cycles less often.
    gc.set_threshold(*GC_THRESHOLDS)
    # A batch of predictions takes a millisecond: threads that help with it mostly wait in a loop, on the next core.
    threadpool_limits(1, user_api="blas")


def run_worker(settings: Settings) -> int:
    """Run one worker in this process until it is told to stop; return the exit code."""
    configure_logging(settings.worker.log_level)
    settle_in()
    # As the policy, not only for this loop: Faust's consumer thread makes a loop of its own.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    return asyncio.run(serve(settings))


def main() -> int:
    """Run with the configuration of this environment."""
    try:
        return run_worker(load_settings())
    except AsahiError as wrong:
        print(f"asahi worker: {wrong}", file=sys.stderr)  # noqa: T201 - the last word of a process that cannot start
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
