"""Running a command's coroutine so that Ctrl-C and SIGTERM end it in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

Outcome = TypeVar("Outcome")

ENDING = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A signal ended the command; everything it had opened is closed.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


def run_to_end(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run a command's coroutine on a loop of its own.

    Raises:
        Interrupted: A signal cancelled it.
    """
    return uvloop.run(_cancelled_by_signals(work))


async def _cancelled_by_signals(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    received: list[int] = []
    task = asyncio.ensure_future(work)

    def cancel(number: int) -> None:
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, cancel, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)


async def until_signalled() -> None:
    """Wait until Ctrl-C or SIGTERM comes, which then does not cancel anything."""
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, signalled.set)
    await signalled.wait()
