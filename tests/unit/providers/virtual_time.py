"""An event loop whose time jumps to the next timer, so that minutes of pauses and timeouts take no time to test.

Everything else is the real loop: the code under test runs unpatched, with its own `call_at` and `asyncio.timeout`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

START = 1_800_000_000.0  # Unix seconds at which a test begins

Result = TypeVar("Result")


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: the time it was asked to wait has passed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("the test waits for something that never happens")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def run_in_executor(  # type: ignore[override]  # what is tested only awaits it
        self, executor: Any, func: Callable[..., Result], *args: Any
    ) -> asyncio.Future[Result]:
        """Run the function here and now: a thread's time is not virtual."""
        del executor
        outcome: asyncio.Future[Result] = self.create_future()
        try:
            outcome.set_result(func(*args))
        except Exception as raised:  # noqa: BLE001 - whatever it is belongs to whoever awaits it
            outcome.set_exception(raised)
        return outcome


def run(test: Coroutine[Any, Any, Result]) -> Result:
    """Run a test to its end in virtual time; an exception that only the loop saw fails it too."""
    unseen: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: unseen.append(context))
        result = runner.run(test)
    assert unseen == []
    return result


def clock() -> float:
    """Unix seconds in virtual time."""
    return START + asyncio.get_running_loop().time()
