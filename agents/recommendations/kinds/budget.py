"""Budgets that refuse requests while others of the same kind lie idle, and budgets that nobody comes near."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from typing import Any

from agents.recommendations.evidence import sql_of
from agents.recommendations.kind import Kind
from agents.recommendations.making import About, Finding, Said, recommended
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Scope, Terms
from schemas.policy import DEFAULT_WARNINGS, Budget, Period
from schemas.prices import NOTHING
from schemas.recommendation import Confidence

NAME = "budget"
REFUSED = "refused"
CENT = Decimal("0.01")
ROOM = 2
"""A budget that lies idle is set to so many times the most that was spent in one period."""
Row = Mapping[str, Any]


@dataclass(slots=True)
class _Counted:
    """What one budget counted, by the start of its periods in Unix seconds.

    Attributes:
        refused: What the requests that it refused may have cost.
    """

    spent: dict[int, Decimal] = field(default_factory=lambda: defaultdict(lambda: NOTHING))
    refused: dict[int, Decimal] = field(default_factory=lambda: defaultdict(lambda: NOTHING))
    requests: int = 0


class BudgetLimits:
    """Folds what was spent and refused by scope and period, and compares it with the limits."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._counted: dict[tuple[Scope, Period], _Counted] = defaultdict(_Counted)

    def add(self, facts: Sequence[Row]) -> None:
        """Take in what scopes spent in their periods, and what was refused there."""
        for row in facts:
            scope = Scope(row["tenant"], row["kind"], row["name"])
            counted = self._counted[scope, Period(row["period"])]
            usd, start = Decimal(row["usd"]), int(row["start"])
            if row["what"] == REFUSED:
                counted.refused[start] += usd
                counted.requests += row["requests"]
            else:
                counted.spent[start] += usd

    def found(self) -> list[Finding]:
        """Return one recommendation per budget that is set wrongly."""
        moved = [
            one
            for (scope, period), counted in self._counted.items()
            if counted.requests >= self._terms.settings.recommendations.least_requests
            and (one := self._moved(scope, period, counted)) is not None
        ]
        lenders = {one.lender for one in moved}
        idle = [
            self._idle(scope, budget)
            for scope, budgets in self._terms.budgets.items()
            for budget in budgets
            if (scope, budget.period) not in lenders
        ]
        return [one.finding for one in moved] + [one for one in idle if one is not None]

    def _moved(self, scope: Scope, period: Period, counted: _Counted) -> _Moved | None:
        """Return how much to move from another budget so that all that was refused had been let in."""
        budget = self._hard(scope, period)
        if budget is None:
            return None
        missing = max(counted.spent[start] + usd - budget.limit_usd for start, usd in counted.refused.items())
        missing = missing.quantize(CENT, ROUND_UP)
        lenders = [(other, found) for other in self._others(scope) if (found := self._hard(other, period))]
        spare = {(other, found): self._spare(other, found) for other, found in lenders}
        if missing <= 0 or not spare:
            return None
        (lender, lent), left = max(spare.items(), key=lambda item: (item[1], item[0][0].name))
        if left < missing:
            return None
        larger, smaller = budget.limit_usd + missing, lent.limit_usd - missing
        said = Said(
            f"the budget of {scope.kind} {scope.name} refused {counted.requests:,} requests while {lender.name} left "
            f"{left:f} USD per {period} unused at least.",
            f"{self._set(scope, period, larger)} && {self._set(lender, period, smaller)}",
            Confidence.RECORDED,
            {
                "refused": f"{counted.requests:,} requests that might have cost {_sum(counted.refused):f} USD",
                "limits": f"{budget.limit_usd:f} USD of {scope.name}, {lent.limit_usd:f} USD of {lender.name}",
                "to move": f"{missing:f} USD per {period}, which lets all of them in",
            },
            {},
        )
        about = _about(scope, f"{period} refuses")
        made = self._made(about, said, counted.requests, _sum(counted.refused))
        return _Moved(made, (lender, period))

    def _idle(self, scope: Scope, budget: Budget) -> Finding | None:
        """Return a smaller limit for a budget that no period came near."""
        period = self._terms.period
        since = period.since if period.first is None else max(period.since, period.first)
        whole = self._terms.periods.whole(budget.period, since.timestamp(), period.until.timestamp())
        if not whole or not budget.limit_usd:
            return None
        counted = self._counted.get((scope, budget.period), _Counted())
        most = max(counted.spent.get(start, NOTHING) for start in whole)
        share = Decimal(str(self._terms.settings.recommendations.idle_share))
        if not most or most >= share * budget.limit_usd or counted.requests:
            return None
        limit = (ROOM * most).quantize(CENT, ROUND_UP)
        said = Said(
            f"no {budget.period} came near the budget of {scope.kind} {scope.name}: of {budget.limit_usd:f} USD "
            f"{most:f} USD were spent at most.",
            self._set(scope, budget.period, limit),
            Confidence.RECORDED,
            {
                "periods": f"{len(whole):,} whole",
                "most spent in one": f"{most:f} USD ({most / budget.limit_usd:.1%})",
            },
            {},
        )
        return self._made(_about(scope, f"{budget.period} idle"), said, 0, budget.limit_usd - limit)

    def _made(self, about: About, said: Said, requests: int, at_stake: Decimal) -> Finding:
        made = recommended(NAME, about, said, Tally(), self._terms, looked_at=requests, at_stake=at_stake)
        return Finding(made.model_copy(update={"requests": requests}), array("Q"))

    def _hard(self, scope: Scope, period: Period) -> Budget | None:
        budgets = self._terms.budgets.get(scope, ())
        return next((budget for budget in budgets if budget.hard and budget.period is period), None)

    def _others(self, scope: Scope) -> list[Scope]:
        return [each for each in self._terms.budgets if _beside(each, scope)]

    def _spare(self, scope: Scope, budget: Budget) -> Decimal:
        counted = self._counted.get((scope, budget.period), _Counted())
        if counted.requests:
            return NOTHING
        return budget.limit_usd - max(counted.spent.values(), default=NOTHING)

    def _set(self, scope: Scope, period: Period, limit: Decimal) -> str:
        budgets = ", ".join(
            _written(each, limit if each.period is period else each.limit_usd) for each in self._terms.budgets[scope]
        )
        whose = scope.name if scope.kind == "tenant" else f"{scope.name} --tenant {scope.tenant}"
        return f"asahi governance {scope.kind}s set {whose} --set 'budgets=[{budgets}]' --reason \"as it is used\""


@dataclass(frozen=True, slots=True)
class _Moved:
    finding: Finding
    lender: tuple[Scope, Period]


def _written(budget: Budget, limit: Decimal) -> str:
    parts = [f"period: {budget.period}", f'limit_usd: "{limit:f}"', f"hard: {str(budget.hard).lower()}"]
    if budget.warn_at != DEFAULT_WARNINGS:
        parts.append(f"warn_at: [{', '.join(f'{share:g}' for share in budget.warn_at)}]")
    return f"{{{', '.join(parts)}}}"


def _beside(one: Scope, other: Scope) -> bool:
    return (one.tenant, one.kind) == (other.tenant, other.kind) and one.name != other.name


def _about(scope: Scope, part: str) -> About:
    team = scope.name if scope.kind == "team" else None
    user = scope.name if scope.kind == "user" else None
    return About(scope.tenant, team=team, user=user, part=f"{scope.kind} {scope.name} {part}")


def _sum(amounts: Mapping[int, Decimal]) -> Decimal:
    return sum(amounts.values(), NOTHING)


BUDGET = Kind(NAME, "budgets set wrongly", BudgetLimits, rows=sql_of(NAME))
