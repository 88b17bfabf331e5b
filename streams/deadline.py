"""A process that was told to stop does stop, also while it waits for a broker that does not come back.

Everything that must be durable is retried until it is, which is right while the process lives. What a worker could
not make durable before it ended comes again to its successor.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal

logger = logging.getLogger(__name__)

GAVE_UP = 1


def told_to_stop(seconds: float) -> asyncio.Event:
    """Return what SIGTERM or SIGINT sets; from then on the process has so many seconds to end, see `end_within`."""
    stop = asyncio.Event()

    def told() -> None:
        end_within(seconds)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    return stop


def end_within(seconds: float) -> None:
    """End this process when it has not ended by itself after so many seconds from now.

    Args:
        seconds: More than an orderly end takes.
    """
    asyncio.get_running_loop().call_later(seconds, _end, seconds)


def _end(seconds: float) -> None:
    logger.critical(
        "stopped without finishing: what it waits for did not answer; a successor goes on from the last checkpoint",
        extra={"seconds": seconds},
    )
    logging.shutdown()
    os._exit(GAVE_UP)
