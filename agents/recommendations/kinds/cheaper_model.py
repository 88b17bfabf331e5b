"""Requests that name a model although a cheaper one is predicted to answer them as well."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from agents.recommendations.cases import Cases
from agents.recommendations.kind import Kind
from agents.recommendations.making import About, Finding, Said, finding
from agents.recommendations.moves import Moves, graded_worse
from agents.recommendations.terms import Terms
from schemas.recommendation import Confidence

NAME = "cheaper_model"
Group = tuple[str, str, str]
"""Tenant, task type as the requests say it, and the model they name."""
FEW = 4


@dataclass(slots=True)
class _Named:
    """Requests of a group; `asked` is the quality each task type is asked for in place of the model."""

    moves: Moves = field(default_factory=Moves)
    asked: dict[str, set[float]] = field(default_factory=lambda: defaultdict(set))


class CheaperModel:
    """Routes each request again as if it named, in place of its model, the quality predicted of that model."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._groups: dict[Group, _Named] = defaultdict(_Named)

    def add(self, facts: Cases) -> None:
        """Take in requests that name their model."""
        asked = self._terms.rerouting.as_good(facts)
        routed = self._terms.rerouting.routed(facts, asked)
        for case, request, to in zip(facts, asked, routed, strict=True):
            group = self._groups[case.request.tenant, case.request.task_type or "", case.result.model or ""]
            if group.moves.add(case, to, self._terms) and to is not None:
                group.asked[to.task_type or ""].add(request.constraints.min_quality or 0.0)

    def found(self) -> list[Finding]:
        """Return one recommendation per tenant, task type and model."""
        made = [self._made(*group, named) for group, named in self._groups.items()]
        return [one for one in made if one is not None]

    def _made(self, tenant: str, task_type: str, model: str, named: _Named) -> Finding | None:
        moves = named.moves
        if not moves.to or not moves.as_good:
            return None
        ((instead, _),) = moves.to.most_common(1)
        if graded_worse(self._terms, tenant, task_type, model, instead):
            return None
        of_type = f" of task type {task_type}" if task_type else ""
        return finding(
            NAME,
            About(tenant, task_type=task_type or None, model=model),
            Said(
                f"{len(moves.tally):,} requests{of_type} name {model}, and {_models(moves)} predicted to answer them "
                "at least as well for less.",
                f'in these requests, leave out "mode": "explicit" and "model": "{model}", and ask for '
                f"{_qualities(named.asked)} instead",
                Confidence.PREDICTED,
                moves.described() | self._grades(tenant, task_type, model, instead),
                {"task_type": task_type, "model": model},
            ),
            moves.tally,
            self._terms,
            looked_at=moves.looked_at,
            quality=moves.quality,
        )

    def _grades(self, tenant: str, task_type: str, before: str, after: str) -> dict[str, str]:
        told = {}
        for model in (before, after):
            graded = self._terms.graded.get((tenant, task_type, model))
            if graded is not None:
                told[f"graded answers of {model}"] = f"{graded.grades:,}, mean {graded.mean:.3f} ± {graded.error:.3f}"
        return told or {"graded answers": "none: nothing but the prediction speaks for the quality"}


def _models(moves: Moves) -> str:
    first, *others = [name for name, _ in moves.to.most_common()]
    if not others:
        return f"{first} is"
    return f"{first} and {len(others)} other model{'s' if len(others) > 1 else ''} are"


def _qualities(asked: dict[str, set[float]]) -> str:
    values = sorted({value for values in asked.values() for value in values})
    if len(values) == 1:
        return f'"constraints": {{"min_quality": {values[0]:g}}}'
    if len(values) > FEW:
        return f'"constraints": {{"min_quality": …}} from {values[0]:g} to {values[-1]:g}, by the prompt'
    by_type = ", ".join(
        f"{value:g} for {task_type or 'other tasks'}"
        for task_type in sorted(asked)
        for value in sorted(asked[task_type])
    )
    return f'"constraints": {{"min_quality": …}} by what they ask: {by_type}'


CHEAPER_MODEL = Kind(
    NAME,
    "a cheaper model, as good",
    CheaperModel,
    cases="status = 'completed' AND decision_rule = 'explicit_model'",
)
