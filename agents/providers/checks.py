"""Whether an answer of a cascade holds, as the provider stage asks for it; the checker itself is given to it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from agents.providers.protocol import Prompt
from schemas.wire import Answer


class Verdict(Protocol):
    """What a check comes to."""

    @property
    def holds(self) -> bool:
        """Whether nothing certain speaks against the answer."""
        ...

    @property
    def probability(self) -> float | None:
        """That the answer is right; None where nothing was learned of it."""
        ...

    @property
    def reason(self) -> str:
        """Why, for people, without the answer's text."""
        ...


class Checker(Protocol):
    """Checks answers."""

    def holds(self, prompt: Prompt, model: str, answer: Answer) -> Verdict:
        """Check one answer, in less than a millisecond: it runs between the calls.

        Args:
            prompt: What was asked.
            model: Who answered.
            answer: What it said.
        """
        ...


class Ruling(NamedTuple):
    """A verdict."""

    holds: bool
    probability: float | None
    reason: str


class Unchecking:
    """Takes every answer."""

    def holds(self, prompt: Prompt, model: str, answer: Answer) -> Ruling:
        """Say that it holds."""
        del prompt, model, answer
        return Ruling(True, None, "nothing checks answers here")


def failed_check(bug: Exception) -> Ruling:
    """Return the verdict on an answer whose check met a bug: nobody vouches for it, so a better model is asked."""
    return Ruling(False, None, f"the check met an unexpected {type(bug).__name__}")
