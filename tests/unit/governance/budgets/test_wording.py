from __future__ import annotations

from decimal import Decimal

from agents.governance.budgets import wording
from agents.governance.budgets.ledger import Exceeded, Payer, Reservation, Threshold
from agents.governance.registry.places import Kind, Place
from schemas.balances import Warned
from schemas.policy import Budget, Period

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
ORGANIZATION, USER = Place(Kind.TENANT, "acme", "acme"), Place(Kind.USER, "acme", "amara")


def exceeded(place: Place, period: Period, limit: str, spent: str, reserved: str = "0") -> Exceeded:
    return Exceeded(place, Budget(period=period, limit_usd=Decimal(limit)), Decimal(spent), Decimal(reserved))


def test_the_budget_that_renews_last_says_when_to_come_back() -> None:
    hour, day = exceeded(USER, Period.HOUR, "5", "5"), exceeded(ORGANIZATION, Period.DAY, "100", "99.5")
    problem = wording.problem([day, hour], Decimal(1), NOW)
    assert (problem.code, problem.field) == ("budget_exceeded", "tenant")
    assert problem.message == (
        "tenant: the budget of 100 USD per day of tenant acme has 0.5 USD left, and the request may cost 1 USD"
    )
    assert problem.remedy == "wait until 2026-09-22 00:00 UTC, or ask an administrator for a larger budget"
    assert problem.retry_after_seconds == 35_200.0


def test_where_only_reservations_are_in_the_way_results_are_waited_for() -> None:
    problem = wording.problem([exceeded(USER, Period.TOTAL, "5", "1", "4")], Decimal(1), NOW)
    assert (problem.field, problem.retry_after_seconds) == ("user", 1.0)
    assert "held for requests under way" in problem.remedy


def test_what_never_fits_is_not_told_to_wait() -> None:
    for one in (exceeded(USER, Period.DAY, "5", "0"), exceeded(USER, Period.TOTAL, "9", "9")):
        assert wording.problem([one], Decimal(6), NOW).retry_after_seconds is None


def test_events_repeat_their_ids() -> None:
    threshold = Threshold(USER, Warned(Period.DAY, 1_789_948_800, Decimal(5), 0.8), Decimal(4))
    warning = wording.warning(threshold, NOW)
    assert warning.id == wording.warning(threshold, NOW + 5).id == "budget/acme/user/amara/day/1789948800/5/0.8"
    assert warning.reason == (
        "budget_threshold: 4 USD since 2026-09-21 00:00 UTC are 80 % or more of the budget of 5 USD per day"
    )
    lost = wording.reconciliation("order-1", Reservation(Decimal(2), Payer("acme"), NOW), NOW)
    assert (lost.id, lost.action) == ("reservation/acme/order-1", "reservation_expired")
