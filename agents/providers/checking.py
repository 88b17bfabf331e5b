"""Checking the answers of a cascade beside the calls: short ones at once, longer ones in a thread.

A check is part of its attempt. Whoever waits for the attempts under way waits for it too, and an attempt that is cut
while its answer is being checked has its answer nevertheless: it was paid for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from agents.providers.checks import UNCHECKED, Checker, Verdict, failed_check
from agents.providers.protocol import Prompt, Reply
from streams.catchall import frames_of

_log = logging.getLogger(__name__)

AT_ONCE_CHARS = 600
"""Prompts and answers of so many characters together take less than a millisecond, at 1.3 microseconds each."""


class Judged(NamedTuple):
    """A reply with what came of checking it.

    Attributes:
        answered_at: Unix seconds at which the reply came.
    """

    reply: Reply
    verdict: Verdict
    answered_at: float


class Checks:
    """Runs a checker.

    Args:
        checker: What says whether an answer holds. It is an extension: a bug of it ends no call.
        clock: Returns Unix seconds.
    """

    def __init__(self, checker: Checker, clock: Callable[[], float]) -> None:
        self._checker = checker
        self._clock = clock

    def judge(
        self, outcome: Reply | Awaitable[Reply], prompt: Prompt, model: str, expected: float
    ) -> Judged | Awaitable[Judged]:
        """Return the reply of an attempt with its verdict, at once where the reply is there and short.

        Args:
            outcome: What the provider returned.
            prompt: What was asked.
            model: Who was asked.
            expected: Probability of a right answer, as predicted from the prompt alone.
        """
        if isinstance(outcome, Reply) and _is_short(prompt, outcome):
            return Judged(outcome, self._verdict(prompt, model, outcome, expected), self._clock())
        return self._judge(outcome, prompt, model, expected)

    async def _judge(self, outcome: Reply | Awaitable[Reply], prompt: Prompt, model: str, expected: float) -> Judged:
        reply = outcome if isinstance(outcome, Reply) else await outcome
        now = self._clock()
        if not isinstance(reply, Reply):
            raise TypeError(f"a provider returned a {type(reply).__name__}, not a Reply")
        if _is_short(prompt, reply):
            return Judged(reply, self._verdict(prompt, model, reply, expected), now)
        loop = asyncio.get_running_loop()
        try:
            verdict = await loop.run_in_executor(None, self._verdict, prompt, model, reply, expected)
        except asyncio.CancelledError:
            verdict = UNCHECKED
        return Judged(reply, verdict, now)

    def _verdict(self, prompt: Prompt, model: str, reply: Reply, expected: float) -> Verdict:
        try:
            return self._checker.holds(prompt, model, reply.answer, expected)
        except Exception as bug:  # noqa: BLE001 -- a checker is an extension: its bug ends its check, no call
            where = {"request_id": prompt.id, "model": model, "frames": frames_of(bug)}
            _log.error("bug in the check of answers", extra=where)
            return failed_check(bug)


def _is_short(prompt: Prompt, reply: Reply) -> bool:
    return len(prompt.text) + len(reply.answer.content or "") <= AT_ONCE_CHARS
