"""Every query of docs/queries.md answers what can be added up by hand, live and rolled up."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from schemas.settings import Settings
from streams.archive.totals import disagreements
from streams.rollups import roll_up
from streams.warehouse.client import Warehouse
from tests.integration.warehouse.databases import migrated_database
from tests.integration.warehouse.known import REASON, Calendar, write
from tests.unit.docs.fences import ROOT

PAGE = ROOT / "docs" / "queries.md"
QUESTION = re.compile(r"^### ([^\n]+\?)\n.*?^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUERIES = dict(QUESTION.findall(PAGE.read_text()))
OUR_DATABASE = re.compile(r"(?<!')\basahi\.")
WANTED = 25
TO_BE_CHECKED_APART = ("When will a budget of this month be used up?", "How slow are the slowest calls, by model?")

USD = Decimal
Rows = list[tuple[Any, ...]]


def answers(when: Calendar) -> dict[str, Rows]:
    """Return what the queries answer, by question."""
    this_month = sum(
        (cost for at, cost in ((when.of(1, 14), USD(2)), (when.today, USD("0.5"))) if at >= when.month), USD(0)
    )
    month = ("team", "support", "month", USD(1), this_month, 1 - this_month, float(100 * this_month))
    total = ("tenant", "acme", "total", USD(100), USD("18.5"), USD("81.5"), 18.5)
    return {
        "Who spends the most?": [
            ("acme", "search", 2, USD(4)), ("acme", "support", 1, USD(2)), ("zeta", "", 1, USD("0.25")),
        ],
        "Which users spend the most?": [
            ("acme", "amara", 2, USD(4)), ("acme", "ben", 1, USD(2)), ("zeta", "", 1, USD("0.25")),
        ],
        "What does an answer cost, by task?": [
            ("chat", 4, USD("3.25"), USD("0.8125")), ("extraction", 1, USD(1), USD(1)),
        ],
        "How did spending change from week to week?": [
            ("support", USD(2), USD(0), USD(2)), ("search", USD(4), USD(4), USD(0)),
        ],
        "Which hours of the day are busiest?": [(9, 2, USD(4)), (14, 1, USD(2)), (20, 1, USD("0.25"))],
        "What does a thousand tokens cost, by model and lane?": [
            ("big", "interactive", False, 2000, 2.5), ("small", "interactive", False, 400, 0.625),
            ("small", "bulk", True, 2200, 0.454545),
        ],
        "What was paid for nothing?": [("openai", "big", 1, USD(2))],
        "Which costs were corrected?": [("list-2", 1, 1, USD(1))],
        "What did a team save last week, and why?": [
            ("in all", "", "", "", 3, USD(8), ""), ("cache_exact", "cache", "big", "big", 1, USD(3), REASON),
            ("routing", "cheapest", "big", "big", 1, USD(2), REASON),
            ("routing", "cheapest", "small", "big", 1, USD(2), REASON),
            ("batch_lane", "cheapest", "small", "big", 1, USD(1), REASON),
        ],
        "Where do savings come from, over all time?": [
            ("routing", 4, USD(5)), ("cache_exact", 1, USD(3)), ("cache_semantic", 1, USD("1.5")),
            ("batch_lane", 1, USD(1)),
        ],
        "What would it have cost without Asahi?": [
            ("acme", USD(4), USD("13.5"), 70.4), ("zeta", USD("0.25"), USD(1), 75.0),
        ],
        "What if nothing were cached?": [("acme", USD(4), USD("4.5")), ("zeta", USD("0.25"), USD(0))],
        "What if another model had answered everything?": [("acme", USD(6), 2.625), ("zeta", USD("0.25"), 0.25)],
        "What is each tier of the cache worth?": [
            ("exact", 1, USD(3), USD(3), 60.0), ("semantic", 1, USD("1.5"), USD("1.5"), 20.0),
        ],
        "Which share of answers comes out of the cache?": [("chat", 5, 40.0), ("extraction", 1, 0.0)],
        "How near were the questions of semantic hits?": [(0.9, 1, 0.97, 0.02)],
        "How long did people wait today, hour by hour?": [(when.today.replace(tzinfo=None), 1, 80.0, 80.0)],
        "How far are budgets used up?": sorted([month, total], key=lambda row: row[-1], reverse=True),
        "Which budgets will probably not last?": [
            ("team", "support", "month", USD(1), USD("0.7"), 1.5, 0.93, when.of(3, 0).replace(tzinfo=None)),
        ],
        "What was strange last week, and what moved it?": [
            (
                "spend", when.of(0, 9).replace(tzinfo=None), 12.0, 3.0, 0.5, "USD per minute", "user", "amara", 0.98,
            ),
        ],
        "Did spending come as it was forecast?": [
            (when.of(0, 0).date(), 5.0, 4.0, 6.0, 4.0, True), (when.of(1, 0).date(), 2.5, 1.5, 3.5, 2.0, True),
        ],
        "Which rule decides, and how well does it foresee the cost?": [
            ("cheapest", 3, USD(2), USD(4)), ("explicit", 1, USD("0.25"), USD("0.25")),
        ],
        "Which models answer which tasks?": [
            ("chat", "big", 3, 60.0), ("chat", "small", 2, 40.0), ("extraction", "small", 1, 100.0),
        ],
        "Which requests cost far more than expected?": [("acme", "r1", "big", USD(1), USD(3), USD(2))],
        "Why were requests turned away, and what would help?": [
            ("support", "rejected", "budget_exhausted", "raise it", 1)
        ],
        "Do all levels say the same?": [(*5 * [USD("10.75")], True)],
    }  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["live", "rolled up"])
async def known(clickhouse_server: str, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Settings, Calendar]]:
    """Tables with data that no test here changes."""
    when = Calendar(datetime.now(UTC))
    async with migrated_database(clickhouse_server) as clickhouse, Warehouse(clickhouse) as warehouse:
        await write(warehouse, when)
        if request.param == "rolled up":
            await roll_up(warehouse, unfinished=True)
        yield Settings(clickhouse=clickhouse), when


async def ask(settings: Settings, question: str) -> Rows:
    sql = OUR_DATABASE.sub(f"{settings.clickhouse.database}.", QUERIES[question])
    async with Warehouse(settings.clickhouse) as warehouse:
        return [tuple(row.values()) for row in await warehouse.rows(sql)]


def test_every_question_is_answered_here() -> None:
    here = {*answers(Calendar(datetime(2026, 11, 27, tzinfo=UTC))), *TO_BE_CHECKED_APART}
    assert here == set(QUERIES)
    assert len(QUERIES) >= WANTED


@pytest.mark.parametrize("question", [name for name in QUERIES if name not in TO_BE_CHECKED_APART])
async def test_query_answers(question: str, known: tuple[Settings, Calendar]) -> None:
    settings, when = known
    assert await ask(settings, question) == answers(when)[question]


async def test_percentiles(known: tuple[Settings, Calendar]) -> None:
    settings, _ = known
    (big, small) = await ask(settings, "How slow are the slowest calls, by model?")
    assert (big[:3], small[:3]) == (("big", "openai", 2), ("small", "mistral", 2))
    assert 2_800 <= big[3] <= 3_000
    assert 190 <= small[3] <= 200


async def test_budget_that_is_used_up_soon(known: tuple[Settings, Calendar]) -> None:
    settings, when = known
    (row,) = await ask(settings, "When will a budget of this month be used up?")
    kind, name, limit, spent, percent, per_day, used_up_on = row
    assert (kind, name, limit) == ("team", "support", 1)
    assert spent >= USD("0.5")
    assert percent == float(100 * spent)
    so_far = (datetime.now(UTC) - when.month).total_seconds()
    assert per_day == pytest.approx(float(spent) / so_far * 86_400, rel=0.01)
    ends = (when.month + timedelta(days=32)).replace(day=1)
    if spent >= 1:
        assert used_up_on == "used up"
    elif when.month + timedelta(seconds=so_far / float(spent)) >= ends:
        assert used_up_on == "not this month"
    else:
        assert when.month.date().isoformat() <= used_up_on < ends.date().isoformat()


async def test_all_of_it_adds_up(known: tuple[Settings, Calendar]) -> None:
    settings, _ = known
    async with Warehouse(settings.clickhouse) as warehouse:
        assert await disagreements(warehouse) == []
