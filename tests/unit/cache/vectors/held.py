"""An executor that runs nothing until it is told to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class HeldExecutor(Executor):
    """Keeps what is submitted.

    Attributes:
        held: What is yet to run.
    """

    def __init__(self) -> None:
        self.held: list[Callable[[], None]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Keep a call for later."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as wrong:  # noqa: BLE001  # as an executor does
                future.set_exception(wrong)

        self.held.append(run)
        return future

    def run(self) -> None:
        """Run what was submitted so far."""
        calls, self.held = self.held, []
        for call in calls:
            call()
