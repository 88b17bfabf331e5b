from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agents.governance.budgets.account import Account
from agents.governance.budgets.periods import start_of, starts
from agents.governance.registry.places import Kind, Place
from schemas.policy import Budget, Period

NOW = 1_790_000_000.0
HOUR = 3600.0
PLACE = Place(Kind.TENANT, "acme", "acme")
HOURLY = Budget(period=Period.HOUR, limit_usd=Decimal(10), warn_at=(0.5, 0.8))


def spend(account: Account, usd: str, at: float) -> None:
    account.spend(Decimal(usd), starts(at))


def test_each_threshold_warns_once_per_period_and_limit() -> None:
    account = Account(PLACE)
    spend(account, "6", NOW)
    assert [one.share for one in account.warnings([HOURLY], NOW)] == [0.5]
    assert account.warnings([HOURLY], NOW) == []
    spend(account, "4", NOW)
    assert [one.share for one in account.warnings([HOURLY], NOW)] == [0.8, 1.0]
    larger = HOURLY.model_copy(update={"limit_usd": Decimal(20)})
    assert [one.share for one in account.warnings([larger], NOW)] == [0.5]
    spend(account, "5", NOW + HOUR)
    assert [one.share for one in account.warnings([HOURLY], NOW + HOUR)] == [0.5]


def test_a_successor_does_not_warn_again() -> None:
    account, successor = Account(PLACE), Account(PLACE)
    spend(account, "6", NOW)
    account.warnings([HOURLY], NOW)
    successor.restore(account.note())
    assert successor.warnings([HOURLY], NOW) == []


def test_a_new_period_has_its_whole_budget() -> None:
    account = Account(PLACE)
    spend(account, "10", NOW)
    assert account.over([HOURLY], Decimal(1), starts(NOW)) == [HOURLY]
    assert account.over([HOURLY], Decimal(10), starts(NOW + HOUR)) == []


def test_a_soft_budget_is_in_nobodys_way() -> None:
    account = Account(PLACE)
    spend(account, "99", NOW)
    assert account.over([HOURLY.model_copy(update={"hard": False})], Decimal(1), starts(NOW)) == []


@given(st.permutations([(hours, str(hours + 1)) for hours in (0, 0, 1, 2, 2, 3)]))
def test_the_order_of_spending_does_not_matter(spending: list[tuple[int, str]]) -> None:
    account = Account(PLACE)
    for hours, usd in spending:
        spend(account, usd, NOW + hours * HOUR)
    start = start_of(Period.HOUR, NOW)
    kept = {entry.start - start: entry.usd for entry in account.note().spent if entry.period is Period.HOUR}
    assert kept == {2 * HOUR: Decimal(6), 3 * HOUR: Decimal(4)}
    assert account.spent(Period.TOTAL, 0) == Decimal(14)
