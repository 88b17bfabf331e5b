"""Requests that would go to another model: what they cost, and how good their answers are predicted to be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from agents.recommendations.cases import Case
from agents.recommendations.pricing import cost_at
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Rerouted, Terms

SURE = 1.959964
"""Standard errors on either side of a mean that hold it with 95 %, by the normal approximation."""
FEWEST_GRADES = 10
SHOWN = 5


@dataclass(slots=True)
class Moves:
    """A group of requests that were routed again.

    Attributes:
        tally: Of those that move.
        to: By the model that would answer.
        looked_at: How many were routed again, those included that stay where they are.
    """

    tally: Tally = field(default_factory=Tally)
    to: Counter[str] = field(default_factory=Counter)
    looked_at: int = 0
    _before: float = 0.0
    _after: float = 0.0

    def add(self, case: Case, rerouted: Rerouted | None, terms: Terms, quality_before: float | None = None) -> bool:
        """Count a request; return whether it moves: one that would be refused, or gets its model again, does not."""
        self.looked_at += 1
        if rerouted is None or rerouted.model == case.result.model:
            return False
        self.tally.add(case, cost_at(case.result, rerouted.model, terms.registry, batch=case.batched))
        self.to[rerouted.model] += 1
        self._before += rerouted.quality_before if quality_before is None else quality_before
        self._after += rerouted.quality
        return True

    @property
    def quality(self) -> tuple[float, float]:
        """Mean predicted quality before and after, of those that move."""
        return (self._before / len(self.tally), self._after / len(self.tally)) if self.tally.keys else (0.0, 0.0)

    @property
    def as_good(self) -> bool:
        """Whether the answers are predicted to be as good; sums of floats may differ in their last bits."""
        before, after = self.quality
        return after - before >= -len(self.tally) * 1e-15

    def described(self) -> dict[str, str]:
        """Return where they would go and how good that is, for people."""
        before, after = self.quality
        models = ", ".join(f"{name} ({count:,})" for name, count in self.to.most_common(SHOWN))
        return {
            "move": f"{len(self.tally):,} of {self.looked_at:,} requests",
            "would be answered by": models,
            "predicted quality": f"{before:.3f} before, {after:.3f} after",
        }


def graded_worse(terms: Terms, tenant: str, task_type: str, before: str, after: str) -> bool:
    """Return whether grades say with 95 % confidence that a model answers worse, whatever is predicted."""
    old, new = (terms.graded.get((tenant, task_type, model)) for model in (before, after))
    if old is None or new is None or min(old.grades, new.grades) < FEWEST_GRADES:
        return False
    return bool(old.mean - new.mean > SURE * float(old.error**2 + new.error**2) ** 0.5)
