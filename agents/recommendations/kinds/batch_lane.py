"""Requests that were called at once although their deadlines would have let a batch answer them for less."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal

from agents.recommendations.cases import Case, Cases
from agents.recommendations.kind import Kind
from agents.recommendations.making import About, Finding, Said, finding
from agents.recommendations.pricing import cost_at
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Rerouted, Terms
from schemas.recommendation import Confidence
from schemas.result import Lane

NAME = "batch_lane"
MILLIONTH = Decimal("0.000001")
LAST_DIGIT = Decimal("1e-18")
INTERFACES = ("openai", "anthropic")
"""Kinds of providers whose batch interface has the kind's name."""


@dataclass(slots=True)
class _Batched:
    """Requests of one tenant that a batch would answer.

    Attributes:
        late: Sum of the probabilities that it is not back in time.
        worst: The largest of them.
        before: Sum of the predicted qualities of the models that answered.
        after: The same of those that would.
    """

    tally: Tally = field(default_factory=Tally)
    late: float = 0.0
    worst: float = 0.0
    before: float = 0.0
    after: float = 0.0


class BatchLane:
    """Asks the choice of lanes again with a batch lane, and routes what would take it at batch prices."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._groups: dict[tuple[str, str], _Batched] = defaultdict(_Batched)
        self._looked_at: dict[str, int] = defaultdict(int)

    def add(self, facts: Cases) -> None:
        """Take in requests with a deadline that travelled in another lane."""
        fitting = []
        for case in facts:
            self._looked_at[case.request.tenant] += 1
            deadline = case.request.constraints.deadline
            if deadline is None or case.request.constraints.latency_budget_ms is not None:
                continue
            late = self._terms.lanes.late(deadline.timestamp() - case.received)
            if late is not None:
                fitting.append((case, late))
        cases = [case for case, _ in fitting]
        routed = self._terms.rerouting.routed(cases, [case.request for case in cases], Lane.BATCH)
        for (case, late), to in zip(fitting, routed, strict=True):
            self._count(case, late, to)

    def found(self) -> list[Finding]:
        """Return one recommendation per tenant and provider whose batch interface is not configured yet."""
        made = [self._made(*group, batched) for group, batched in self._groups.items()]
        return [one for one in made if one is not None]

    def _count(self, case: Case, late: float, to: Rerouted | None) -> None:
        if to is None or (missing := self._missing(to)) is None:
            return
        registry = self._terms.registry
        batch = cost_at(case.result, to.model, registry, batch=True)
        usual = cost_at(case.result, to.model, registry)
        if batch >= usual:
            return
        group = self._groups[case.request.tenant, missing]
        group.tally.add(case, expected_cost(batch, usual, late))
        group.late += late
        group.worst = max(group.worst, late)
        group.before += to.quality_before
        group.after += to.quality

    def _missing(self, to: Rerouted) -> str | None:
        """Return the provider whose batch interface must be named, or "" where only the lane is off.

        None where there is nothing to change: no such interface, or all of it is on already.
        """
        provider = self._terms.settings.providers.get(to.provider)
        if provider is None:
            return None
        if provider.batches is None:
            return to.provider if provider.kind in INTERFACES else None
        return None if self._terms.settings.windows.batch_lane else ""

    def _made(self, tenant: str, missing: str, batched: _Batched) -> Finding | None:
        count = len(batched.tally)
        change = "windows: {batch_lane: true}"
        if missing:
            kind = self._terms.settings.providers[missing].kind
            change = f"{change} and providers: {{{missing}: {{batches: {kind}}}}}"
        bound = self._terms.settings.batches.max_late
        return finding(
            NAME,
            About(tenant, part=missing),
            Said(
                f"{count:,} requests were called at once although their deadlines would have let a batch answer "
                "them.",
                f"{change} in the configuration",
                Confidence.PREDICTED,
                {
                    "deadlines far enough away": f"{count:,} of {self._looked_at[tenant]:,} requests with a deadline",
                    "batches not back in time": f"{batched.late / max(count, 1):.2%} expected, {batched.worst:.2%} "
                    f"at most for any of them; the bound is {bound:.2%}. Those are called in time for their "
                    "deadline, and both calls are in the cost after the change",
                },
                {},
            ),
            batched.tally,
            self._terms,
            looked_at=self._looked_at[tenant],
            quality=(batched.before / max(count, 1), batched.after / max(count, 1)),
        )


def expected_cost(batch: Decimal, usual: Decimal, late: float) -> Decimal:
    """Return what a request is expected to cost in the batch lane: the batch, and a call where it is late.

    The probability is rounded up to millionths, and the call's share to the last digit that tables hold.
    """
    share = Decimal(str(late)).quantize(MILLIONTH, ROUND_UP)
    return batch + (usual * share).quantize(LAST_DIGIT, ROUND_UP)


BATCH_LANE = Kind(
    NAME,
    "batch lane in time",
    BatchLane,
    cases="status = 'completed' AND lane != 'batch' AND (tenant, id) IN "
    "(SELECT tenant, id FROM requests WHERE isNotNull(deadline) AND isNull(latency_budget_ms))",
)
