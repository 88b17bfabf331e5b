"""Whether an answer of a cascade holds, as the provider stage asks for it. What answers is given to the stage."""

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

    def holds(self, prompt: Prompt, model: str, answer: Answer, expected: float) -> Verdict:
        """Check one answer; it may be called in several threads at once.

        Args:
            prompt: What was asked.
            model: Who answered.
            answer: What it said.
            expected: Probability of a right answer, as predicted from the prompt alone.
        """
        ...


class Ruling(NamedTuple):
    """A verdict."""

    holds: bool
    probability: float | None
    reason: str


class Unchecking:
    """Takes every answer."""

    def holds(self, prompt: Prompt, model: str, answer: Answer, expected: float) -> Ruling:
        """Say that it holds."""
        del prompt, model, answer, expected
        return Ruling(True, None, "nothing checks answers here")


def failed_check(bug: Exception) -> Ruling:
    """Return the verdict on an answer whose check met a bug: nobody vouches for it, so a better model is asked."""
    return Ruling(False, None, f"the check met an unexpected {type(bug).__name__}")


UNCHECKED = Ruling(False, None, "there was no time to check it")
