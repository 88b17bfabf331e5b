"""A set of recorded outcomes as requests, and what its file says of any choice of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from agents.routing.learning.components import Floats
from agents.routing.learning.outcomes import Outcomes, held_out, read_file
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.tokens import estimate_text_tokens
from schemas.wire import Tokens

WEAK, STRONG = "mixtral-8x7b", "gpt-4"
COLUMNS = {WEAK: "mixtral", STRONG: "gpt4"}
"""Models of the files by the name they have here."""
NAMES = {column: model for model, column in COLUMNS.items()}
VERDICTS = {1.0: "right", 0.0: "wrong"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What requests of a set have in common.

    Attributes:
        name: Of the set, and the beginning of its request ids.
        task_type: As the requests say.
        longest: Their `sampling.max_output_tokens`, or None where answers are of any length.
    """

    name: str
    task_type: str
    longest: int | None


GSM8K = Kind("gsm8k", "mathematics", None)
MMLU = Kind("mmlu", "question_answering", 2)
"""Only a letter is asked for."""


@dataclass(frozen=True, slots=True)
class GradedSet:
    """Prompts of one set with both models' outcomes.

    Attributes:
        kind: What it is.
        outcomes: Of the prompts, each prompt once.
    """

    kind: Kind
    outcomes: Outcomes

    def __len__(self) -> int:
        return len(self.outcomes.prompts)

    def ids(self) -> list[str]:
        """Return the request ids, in order."""
        return [f"{self.kind.name}-{number:05d}" for number in range(len(self))]

    def requests(self, tenant: str, lambda_: float) -> list[dict[str, Any]]:
        """Return one request per prompt, in order."""
        fields: dict[str, Any] = {"tenant": tenant, "mode": "autopilot", "lambda": lambda_}
        fields["task_type"] = self.kind.task_type
        if self.kind.longest is not None:
            fields["sampling"] = {"max_output_tokens": self.kind.longest}
        pairs = zip(self.ids(), self.outcomes.prompts, strict=True)
        return [{"id": name, "prompt": prompt, **fields} for name, prompt in pairs]

    def right(self, model: str) -> Floats:
        """Return 1 where this model was right, 0 where wrong; (prompts,)."""
        return np.asarray(self.outcomes.right[:, self.outcomes.models.index(COLUMNS[model])])

    def quality(self, models: Sequence[str]) -> float:
        """Return the share of right answers when these models answer, one per prompt."""
        rights = {model: self.right(model) for model in COLUMNS}
        return float(np.mean([rights[model][row] for row, model in enumerate(models)]))

    def cost(self, models: Sequence[str], registry: ModelRegistry) -> Decimal:
        """Return in US dollars what these models' recorded answers cost, one per prompt."""
        total = Decimal(0)
        for row, (prompt, model) in enumerate(zip(self.outcomes.prompts, models, strict=True)):
            spec = registry.get(model)
            assert spec is not None, "the models file has both models"
            answer = estimate_text_tokens(self._answer(row, model))
            tokens = Tokens(input_tokens=estimate_text_tokens(prompt), output_tokens=answer)
            total += cost_of(tokens, spec.price)
        return total

    def answer_tokens(self) -> int:
        """Return the mean length of both models' answers."""
        rows = range(len(self))
        return round(
            float(np.mean([estimate_text_tokens(self._answer(row, model)) for row in rows for model in COLUMNS]))
        )

    def _answer(self, row: int, model: str) -> str:
        answers = self.outcomes.answers.get(COLUMNS[model])
        if answers is None:
            return VERDICTS[float(self.right(model)[row])]
        return answers[row] or ""


def halves(kind: Kind, file: Path) -> tuple[GradedSet, GradedSet]:
    """Read a file; return what to fit on and what is held out, each prompt once."""
    outcomes = read_file(file)
    first: Mapping[str, int] = {prompt: row for row, prompt in reversed(list(enumerate(outcomes.prompts)))}
    once = np.array([first[prompt] == row for row, prompt in enumerate(outcomes.prompts)])
    test = held_out(outcomes.prompts)
    return GradedSet(kind, outcomes.rows(once & ~test)), GradedSet(kind, outcomes.rows(once & test))
