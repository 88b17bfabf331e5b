"""Calls paid for nothing, and budgets: folds over what ClickHouse sums up."""

from __future__ import annotations

import shlex
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agents.recommendations.kinds.budget import BUDGET
from agents.recommendations.kinds.paid_for_nothing import CHANGES, PAID_FOR_NOTHING
from agents.recommendations.terms import Scope
from schemas.policy import Budget, Period
from schemas.prices import NOTHING
from schemas.recommendation import RecommendationMade
from tests.unit.recommendations.made import SINCE, made, terms

DAY = 86_400
FIRST = int(SINCE.timestamp())
BUSY, QUIET = Scope("acme", "team", "busy"), Scope("acme", "team", "quiet")


def call(number: int, cause: str = "retried", **fields: Any) -> dict[str, Any]:
    return {
        "tenant": "acme",
        "request_id": f"r{number}",
        "model": "big",
        "provider": "east",
        "cause": cause,
        "calls": 2,
        "cost_usd": Decimal("0.25"),
        "output_tokens": 10,
        **fields,
    }


@pytest.mark.parametrize("cause", list(CHANGES))
def test_calls_are_added_up_by_cause(cause: str) -> None:
    (found,) = made(PAID_FOR_NOTHING, [call(number, cause) for number in range(4)])
    assert (found.saving_usd, found.after_usd, found.requests) == (Decimal(1), NOTHING, 4)
    assert "8 calls to big at east" in found.summary
    assert "{" not in found.change or "…}" in found.change


def test_causes_and_providers_are_told_apart() -> None:
    rows = [call(1), call(2, "unanswered"), call(3, provider="west"), call(4, tenant="zeta")]
    found = made(PAID_FOR_NOTHING, rows)
    assert len({each.id for each in found}) == 4


def row(what: str, name: str, day: int, usd: str, requests: int = 25, period: str = "day") -> dict[str, Any]:
    return {
        "what": what,
        "tenant": "acme",
        "kind": "team",
        "name": name,
        "period": period,
        "start": FIRST + day * DAY,
        "usd": Decimal(usd),
        "requests": requests,
    }


def daily(limit: str, **fields: Any) -> tuple[Budget, ...]:
    return (Budget(period=Period.DAY, limit_usd=Decimal(limit), **fields),)


def found(rows: list[dict[str, Any]], budgets: dict[Scope, tuple[Budget, ...]]) -> list[RecommendationMade]:
    return made(BUDGET, rows, terms(budgets=budgets))


def test_a_budget_that_refuses_gets_what_another_does_not_use() -> None:
    rows = [row("spent", "busy", 0, "0.9"), row("refused", "busy", 0, "0.5"), row("spent", "quiet", 0, "6")]
    (moved,) = found(rows, {BUSY: daily("1"), QUIET: daily("10")})
    assert (moved.team, moved.saving_usd, moved.at_stake_usd, moved.requests) == (
        "busy",
        NOTHING,
        Decimal("0.5"),
        25,
    )
    assert moved.evidence["to move"].startswith("0.40 USD per day")
    assert 'limit_usd: "1.40"' in moved.change
    assert 'limit_usd: "9.60"' in moved.change


@pytest.mark.parametrize(
    "budgets",
    [
        {BUSY: daily("1")},
        {BUSY: daily("1", hard=False), QUIET: daily("10")},
        {BUSY: daily("1"), QUIET: daily("6.1")},
        {BUSY: daily("1"), Scope("acme", "user", "amara"): daily("10")},
        {BUSY: daily("1"), Scope("zeta", "team", "quiet"): daily("10")},
        {BUSY: daily("2"), QUIET: daily("10")},
    ],
    ids=["nobody else", "only warns", "needed there", "another kind", "another tenant", "only reservations"],
)
def test_nothing_is_moved(budgets: dict[Scope, tuple[Budget, ...]]) -> None:
    rows = [row("spent", "busy", 0, "0.9"), row("refused", "busy", 0, "0.5"), row("spent", "quiet", 0, "6")]
    assert [one for one in found(rows, budgets) if one.requests] == []


def test_who_refuses_lends_nothing() -> None:
    rows = [row("refused", "busy", 0, "2"), row("refused", "quiet", 1, "2")]
    assert found(rows, {BUSY: daily("1"), QUIET: daily("10")}) == []


amounts = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 400)), max_size=12)


@given(busy=amounts, refused=amounts, quiet=amounts, limits=st.tuples(st.integers(1, 300), st.integers(1, 3_000)))
def test_after_the_move_all_that_was_refused_fits_and_the_lender_keeps_what_it_used(
    busy: list[tuple[int, int]],
    refused: list[tuple[int, int]],
    quiet: list[tuple[int, int]],
    limits: tuple[int, int],
) -> None:
    cents = {"busy": busy, "refused": refused, "quiet": quiet}
    rows = [row("spent", "busy", day, f"{usd / 100}") for day, usd in busy]
    rows += [row("refused", "busy", day, f"{usd / 100}") for day, usd in refused]
    rows += [row("spent", "quiet", day, f"{usd / 100}") for day, usd in quiet]
    by_day = {
        name: [sum(usd for day, usd in told if day == each) for each in range(7)] for name, told in cents.items()
    }
    mine, theirs = limits
    moved = [
        one
        for one in found(rows, {BUSY: daily(f"{mine / 100}"), QUIET: daily(f"{theirs / 100}")})
        if one.team == "busy" and "refused" in one.evidence
    ]
    for one in moved:
        lent = int(Decimal(one.evidence["to move"].split(" ")[0]) * 100)
        refusing = {day for day, _ in refused}
        assert all(by_day["busy"][day] + by_day["refused"][day] <= mine + lent for day in refusing)
        assert all(spent <= theirs - lent for spent in by_day["quiet"])


def test_a_budget_that_nobody_comes_near_is_told_with_what_was_used() -> None:
    rows = [row("spent", "busy", day, "1.5") for day in range(3)]
    (idle,) = found(rows, {BUSY: daily("50")})
    assert (idle.saving_usd, idle.at_stake_usd) == (NOTHING, Decimal(47))
    assert 'limit_usd: "3.00"' in idle.change
    assert idle.evidence["periods"] == "7 whole"


def test_a_budget_is_judged_by_whole_periods_that_spent_something() -> None:
    month = (Budget(period=Period.MONTH, limit_usd=Decimal(500)), Budget(period=Period.TOTAL, limit_usd=Decimal(500)))
    assert found([row("spent", "busy", 0, "1", period="month")], {BUSY: month}) == []
    assert found([], {BUSY: daily("50")}) == []
    assert found([row("spent", "busy", 2, "6")], {BUSY: daily("50")}) == []
    assert found([row("spent", "busy", 2, "0")], {BUSY: daily("0")}) == []


def test_all_budgets_of_a_scope_are_set_with_the_one_that_changes() -> None:
    both = (*daily("50"), Budget(period=Period.MONTH, limit_usd=Decimal(900), hard=False, warn_at=(0.5,)))
    for scope, command in (
        (Scope("acme", "tenant", "acme"), "tenants set acme --set"),
        (BUSY, "teams set busy --tenant"),
    ):
        rows = [row("spent", scope.name, 2, "1") | {"kind": scope.kind}]
        (idle,) = found(rows, {scope: both})
        assert f"asahi governance {command}" in idle.change
        given_ = next(word for word in shlex.split(idle.change) if word.startswith("budgets="))
        told = [Budget.model_validate(each) for each in yaml.safe_load(given_.removeprefix("budgets="))]
        assert told == [Budget(period=Period.DAY, limit_usd=Decimal(2)), both[1]]
        assert '{period: month, limit_usd: "900", hard: false, warn_at: [0.5]}' in idle.change
