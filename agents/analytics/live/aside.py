"""Work that takes seconds of a processor, done in a process of its own, so that nothing waits for it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

NICENESS = 10
ORPHANED = 1

Args = ParamSpec("Args")
Result = TypeVar("Result")


class Aside:
    """One process at a time, begun when there is something to do, and ended when there is nothing more."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._busy = 0

    async def __call__(self, work: Callable[Args, Result], /, *args: Args.args, **kwargs: Args.kwargs) -> Result:
        """Return what a function of a module returns, called in the other process; what it raises is raised.

        Raises:
            BrokenProcessPool: The other process was killed; the next call begins another.
        """
        assert not kwargs, "an executor takes none"
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _settle_in)
        pool = self._pool
        with self.kept():
            try:
                return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
            except BrokenProcessPool:
                self._pool = None if self._pool is pool else self._pool
                raise

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the process between calls until the block ends: it takes seconds to begin."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self.end()

    def end(self) -> None:
        """End the process once it has done what it does."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _settle_in() -> None:
    """Step back behind what serves requests, and end when the parent is killed."""
    os.nice(NICENESS)
    threadpool_limits(1, "blas")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(ORPHANED)
