"""What budgets say: the problem of a rejected request, and the audit records of warnings and lost reservations."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from agents.governance.budgets.ledger import Exceeded, Reservation, Threshold
from agents.governance.budgets.periods import renews_at
from agents.governance.registry.places import Kind, Place
from schemas.policy import Period
from schemas.wire import AuditRecord, ProblemRecord, plain
from streams.outcomes import STAGE
from streams.stage import moment

CODE = "budget_exceeded"
UNDER_WAY_SECONDS = 1.0
"""After which asking again is sensible where only reservations are in the way: they are settled as answers come."""
FIELDS = {Kind.TENANT: "tenant", Kind.TEAM: "tenant", Kind.USER: "user", Kind.KEY: "tenant"}
"""The field of the request by which it came to count against a scope; a key is not named in the request."""
PERCENT = 100


def problem(exceeded: Sequence[Exceeded], usd: Decimal, now: float) -> ProblemRecord:
    """Return why a request was not let in, by the budget that renews last: before, asking again is no use.

    Args:
        exceeded: The budgets in the way; at least one.
        usd: What the request may cost, in dollars.
        now: Unix seconds.
    """
    worst = max(exceeded, key=lambda one: _ready_at(one, usd, now))
    budget, field = worst.budget, FIELDS[worst.place.kind]
    left = budget.limit_usd - worst.spent - worst.reserved
    message = (
        f"{field}: the budget of {plain(budget.limit_usd)} USD {_per(budget.period)} of {_whose(worst.place)} has "
        f"{plain(left)} USD left, and the request may cost {plain(usd)} USD"
    )
    if usd > budget.limit_usd:
        advice = "ask for fewer tokens or a cheaper model, or ask an administrator for a larger budget"
        return ProblemRecord(CODE, message, advice, field)
    if worst.spent + usd <= budget.limit_usd:
        advice = f"{plain(worst.reserved)} USD are held for requests under way: wait for their results"
        return ProblemRecord(CODE, message, advice, field, UNDER_WAY_SECONDS)
    renewal = renews_at(budget.period, now)
    if renewal is None:
        return ProblemRecord(CODE, message, "ask an administrator for a larger budget: this one never renews", field)
    advice = f"wait until {moment(renewal):%Y-%m-%d %H:%M} UTC, or ask an administrator for a larger budget"
    return ProblemRecord(CODE, message, advice, field, float(renewal - now))


def warning(threshold: Threshold, now: float) -> AuditRecord:
    """Return the event that a threshold is passed; its id is the same whenever the same is found again."""
    place, (period, start, limit, share) = threshold.place, _fields(threshold)
    since = "" if period is Period.TOTAL else f" since {moment(start):%Y-%m-%d %H:%M} UTC"
    return AuditRecord(
        id=f"budget/{place}/{period}/{start}/{plain(limit)}/{share:g}",
        actor=STAGE,
        action="budget_threshold_passed",
        subject=str(place),
        outcome="warned",
        reason=f"budget_threshold: {plain(threshold.spent)} USD{since} are {share * PERCENT:g} % or more of the "
        f"budget of {plain(limit)} USD {_per(period)}",
        occurred_at=moment(now),
        tenant=place.tenant,
    )


def reconciliation(request_id: str, held: Reservation, now: float) -> AuditRecord:
    """Return the event that nobody has settled a reservation, so that it is given back."""
    return AuditRecord(
        id=f"reservation/{held.payer.tenant}/{request_id}",
        actor=STAGE,
        action="reservation_expired",
        subject=request_id,
        outcome="released",
        reason=f"reservation_expired: {plain(held.usd)} USD were held and the request never had its result",
        occurred_at=moment(now),
        tenant=held.payer.tenant,
    )


def _ready_at(one: Exceeded, usd: Decimal, now: float) -> float:
    if usd > one.budget.limit_usd:
        return float("inf")
    if one.spent + usd <= one.budget.limit_usd:
        return now
    renewal = renews_at(one.budget.period, now)
    return float("inf") if renewal is None else renewal


def _per(period: Period) -> str:
    return "in total" if period is Period.TOTAL else f"per {period}"


def _whose(place: Place) -> str:
    return f"{place.kind} {place.name}"


def _fields(threshold: Threshold) -> tuple[Period, int, Decimal, float]:
    warned = threshold.warned
    return warned.period, warned.start, warned.limit_usd, warned.share
