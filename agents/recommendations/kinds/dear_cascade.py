"""Cascades that cost more than their last model alone would, because too many cheap answers did not hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from agents.recommendations.cases import Case, Cases
from agents.recommendations.kind import Kind
from agents.recommendations.making import About, Finding, Said, finding
from agents.recommendations.pricing import cost_at
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Rerouted, Terms
from schemas.recommendation import Confidence
from schemas.request import Request, Strategy

NAME = "dear_cascade"


@dataclass(slots=True)
class _Cascades:
    """Cascades of one tenant and task type; all that can be routed again count, dearer and cheaper ones."""

    tally: Tally = field(default_factory=Tally)
    escalated: int = 0
    looked_at: int = 0
    before: float = 0.0
    after: float = 0.0
    to: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case, to: Rerouted | None, terms: Terms) -> None:
        self.looked_at += 1
        decision = case.result.decision
        if to is None or decision is None or decision.predicted_quality is None:
            return
        self.tally.add(case, cost_at(case.result, to.model, terms.registry))
        self.to[to.model] += 1
        self.escalated += any(not check.accepted for check in case.result.checks)
        self.before += decision.predicted_quality
        self.after += to.quality

    @property
    def quality(self) -> tuple[float, float]:
        """Mean predicted quality before and after; a share of a model's figure is taken for one at most."""
        count = len(self.tally)
        return (min(1.0, self.before / count), min(1.0, self.after / count))


class DearCascade:
    """Routes each request again by the threshold, which asks one model."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._groups: dict[tuple[str, str], _Cascades] = defaultdict(_Cascades)

    def add(self, facts: Cases) -> None:
        """Take in requests that were answered by a cascade."""
        routed = self._terms.rerouting.routed(facts, [by_threshold(case.request) for case in facts])
        for case, to in zip(facts, routed, strict=True):
            self._groups[case.request.tenant, case.request.task_type or ""].add(case, to, self._terms)

    def found(self) -> list[Finding]:
        """Return one recommendation per tenant and task type."""
        made = [self._made(*group, cascades) for group, cascades in self._groups.items()]
        return [one for one in made if one is not None]

    def _made(self, tenant: str, task_type: str, cascades: _Cascades) -> Finding | None:
        count = len(cascades.tally)
        if not count or cascades.after < cascades.before:
            return None
        before, after = cascades.quality
        return finding(
            NAME,
            About(tenant, task_type=task_type or None),
            Said(
                f"{cascades.escalated:,} of {count:,} cascades asked a second model, and both calls were paid: one "
                "model alone is predicted to answer as well for less.",
                'in these requests, "strategy": "threshold" in place of "cascade", and no "accept"; for requests '
                "that name no strategy, routing: {strategy: threshold}",
                Confidence.PREDICTED,
                {
                    "escalated": f"{cascades.escalated:,} of {count:,}",
                    "would be answered by": ", ".join(f"{name} ({n:,})" for name, n in cascades.to.most_common()),
                    "predicted quality": f"{before:.3f} before, {after:.3f} after",
                },
                {"task_type": task_type},
            ),
            cascades.tally,
            self._terms,
            looked_at=cascades.looked_at,
            quality=(before, after),
        )


def by_threshold(request: Request) -> Request:
    """Return a request that asks the cheapest model of sufficient quality; nothing else is changed."""
    return request.model_copy(update={"strategy": Strategy.THRESHOLD, "accept": None})


DEAR_CASCADE = Kind(
    NAME,
    "cascades that do not pay",
    DearCascade,
    cases="status = 'completed' AND decision_rule = 'cascade'",
)
