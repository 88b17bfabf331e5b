"""What experience says of calls: how long answers are, and how many calls are paid for one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.batch import Completion

CALL_UNITS = 1_000
SHARE_UNITS = 1_000_000
Kind = tuple[str, str | None]
"""A model and a task type; without a task type it stands for all of them."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """What to expect of models, as far as it is known.

    Attributes:
        output_tokens: Mean length of an answer by model and task type.
        calls: Paid calls per answer by model, in thousandths; at least one.
        escalations: Checked answers of a model that did not hold, in millionths of all.
    """

    output_tokens: Mapping[Kind, int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    escalations: Mapping[str, int] = field(default_factory=dict)

    def answer_tokens(self, model: str, task_type: str | None, asked: int | None) -> int | None:
        """Return the length of an answer that experience tells, in tokens; None without experience.

        Args:
            model: Who answers.
            task_type: The kind of task, where it is known.
            asked: Longest answer the request admits, or None.
        """
        seen = self.output_tokens.get((model, task_type)) or self.output_tokens.get((model, None))
        return seen if seen is None or asked is None else min(seen, asked)

    def calls_per_answer(self, model: str) -> int:
        """Return how many calls are paid for one answer, in thousandths."""
        return self.calls.get(model, CALL_UNITS)


class Experience:
    """A fold over completions that says what to expect.

    Sums, not a moving average: what a worker has seen since it started. It starts with nothing, since the settings'
    figures do no harm for as long as it takes to see a few answers.

    Args:
        enough: Answers of one kind before their mean is believed.
    """

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._tokens: Counter[Kind] = Counter()
        self._answers: Counter[Kind] = Counter()
        self._paid: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._checked: Counter[str] = Counter()
        self._refuted: Counter[str] = Counter()

    def observe(self, completion: Completion) -> None:
        """Learn from how a call ended."""
        for call in completion.paid:
            self._paid[call.model] += 1
        for check in completion.checks:
            self._checked[check.model] += 1
            if not check.accepted:
                self._refuted[check.model] += 1
                self._answered[check.model] += check.delivered_because is None  # else it is counted as the answer
        answering = completion.answering_call()
        if answering is None:
            return
        model, tokens = answering.model, answering.tokens.output_tokens
        self._answered[model] += 1
        for kind in {(model, completion.passenger.task_type), (model, None)}:
            self._answers[kind] += 1
            self._tokens[kind] += tokens

    def expectations(self) -> Expectations:
        """Return what is to be expected now."""
        return Expectations(
            {
                kind: max(1, round(self._tokens[kind] / answers))
                for kind, answers in self._answers.items()
                if answers >= self._enough
            },
            {
                model: max(CALL_UNITS, CALL_UNITS * self._paid[model] // answers)
                for model, answers in self._answered.items()
                if answers >= self._enough
            },
            {
                model: SHARE_UNITS * self._refuted[model] // checked
                for model, checked in self._checked.items()
                if checked >= self._enough
            },
        )
