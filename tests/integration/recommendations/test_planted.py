"""Each kind finds what was planted, with the saving to the last digit; of clean traffic there is nothing to say."""

from __future__ import annotations

import math
import shlex
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
from aiokafka import TopicPartition

from agents.recommend.asking import LanesAgain
from agents.recommend.command import Found, find
from agents.recommend.reading import UNREADABLE, UNREGISTERED
from agents.recommendations.kinds import BY_NAME
from agents.recommendations.overlap import together
from agents.recommendations.publishing import event_of
from schemas.prices import NOTHING
from schemas.recommendation import Confidence, RecommendationMade
from schemas.registry import ModelRegistry
from schemas.settings import ProviderSettings, Settings
from streams.sink.block import COLUMNS, Block, encode
from streams.topics import RECOMMENDATIONS
from streams.warehouse.client import Warehouse
from tests.integration.recommendations.traffic import (
    BIG,
    PLANTED,
    REFUSED_USD,
    RIVAL,
    SHARED,
    SINCE,
    SMALL,
    UNTIL,
    Traffic,
    models_file,
    plant,
)
from tests.integration.warehouse.databases import migrated_database
from tests.unit.docs.checking import check
from tests.unit.sink.records import record

PROVIDERS = {"east": ProviderSettings(kind="simulated"), "open": ProviderSettings(kind="openai")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def written(
    clickhouse_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Settings, Found]]:
    """Tables with the traffic, and what is found in it, read in several pages."""
    models = models_file(tmp_path_factory.mktemp("models") / "models.yaml")
    traffic = Traffic(ModelRegistry.load(models))
    plant(traffic)
    async with migrated_database(clickhouse_server) as clickhouse:
        settings = Settings(clickhouse=clickhouse, models_file=models, providers=PROVIDERS)
        paged = settings.recommendations.model_copy(update={"page_requests": 10})
        settings = settings.model_copy(update={"recommendations": paged})
        async with Warehouse(clickhouse) as warehouse:
            await traffic.write(warehouse)
        yield settings, await find(settings, SINCE, UNTIL)


@pytest.fixture
def found(written: tuple[Settings, Found]) -> dict[str, list[RecommendationMade]]:
    by_tenant: dict[str, list[RecommendationMade]] = {}
    for made in written[1].recommendations:
        by_tenant.setdefault(made.tenant, []).append(made)
    return by_tenant


def only(found: dict[str, list[RecommendationMade]], tenant: str, kind: str) -> RecommendationMade:
    (made,) = found[tenant]
    assert made.kind == kind
    assert made.saving_usd == made.before_usd - made.after_usd
    return made


def test_of_clean_traffic_there_is_nothing_to_say(found: dict[str, list[RecommendationMade]]) -> None:
    assert not {"clean", "ghost"} & found.keys()
    assert "keyed" not in found, "the policy of their key forbids the cache as well"
    assert {made.kind for each in found.values() for made in each} == set(BY_NAME)


def test_another_model(found: dict[str, list[RecommendationMade]]) -> None:
    made = only(found, "cheaper", "cheaper_model")
    assert (made.requests, made.before_usd, made.after_usd) == (PLANTED, PLANTED * BIG, PLANTED * RIVAL)
    assert (made.model, made.task_type, made.confidence) == ("big", "support", Confidence.PREDICTED)
    assert (made.quality_before, made.quality_after) == (0.9, 0.92)
    assert '"min_quality": 0.9}' in made.change
    assert made.evidence["would be answered by"] == f"rival ({PLANTED})"


def test_cascades(found: dict[str, list[RecommendationMade]]) -> None:
    made = only(found, "cascades", "dear_cascade")
    assert (made.before_usd, made.after_usd) == (PLANTED * (SMALL + RIVAL), PLANTED * RIVAL)
    assert made.evidence["escalated"] == f"{PLANTED} of {PLANTED}"


@pytest.mark.parametrize(
    ("tenant", "says"),
    [
        ("directive", "cache.directive bypass"),
        ("short", "set short --set cache_ttl_seconds=86400"),
        ("off", "set off --set policy.cache=use"),
    ],
)
def test_repeated_questions(tenant: str, says: str, found: dict[str, list[RecommendationMade]]) -> None:
    made = only(found, tenant, "cacheable")
    assert (made.requests, made.saving_usd, made.after_usd) == (PLANTED, PLANTED * RIVAL, NOTHING)
    assert says in f"{made.summary} {made.change}"
    assert made.confidence is Confidence.RECORDED


def test_deadlines(written: tuple[Settings, Found], found: dict[str, list[RecommendationMade]]) -> None:
    settings, _ = written
    made = only(found, "batch", "batch_lane")
    late = LanesAgain(settings.windows, settings.batches).late(86_400)
    assert late is not None
    assert late <= settings.batches.max_late
    assert made.before_usd == PLANTED * RIVAL
    millionths = Decimal(math.ceil(late * 1_000_000)) / 1_000_000
    assert made.after_usd == PLANTED * (RIVAL / 2 + RIVAL * millionths)
    assert (made.quality_before, made.quality_after) == (0.92, 0.92)
    assert "providers: {open: {batches: openai}}" in made.change


def test_prompts_that_begin_alike(found: dict[str, list[RecommendationMade]]) -> None:
    made = only(found, "prefix", "shared_prefix")
    prompts = [f"{SHARED}{number:03d}?" for number in range(PLANTED)]
    digits = [next(at for at in range(3) if f"{n:03d}"[at] != f"{n + 1:03d}"[at]) for n in range(PLANTED - 1)]
    shared = [2_500 * (len(SHARED) + alike) // len(prompts[0]) for alike in digits]
    assert made.saving_usd == sum(shared) * (Decimal(10) - 1) / 1_000_000
    assert made.evidence["tokens read again at the full price"] == f"{sum(shared):,}"


def test_calls_that_gave_no_answer(found: dict[str, list[RecommendationMade]]) -> None:
    made = only(found, "retries", "paid_for_nothing")
    assert (made.requests, made.saving_usd, made.model) == (PLANTED, PLANTED * BIG, "big")
    assert "put east last in the providers of big" in made.change


def test_answers_cut_off(found: dict[str, list[RecommendationMade]]) -> None:
    made = only(found, "cut", "truncated")
    assert (made.requests, made.saving_usd) == (PLANTED, PLANTED * RIVAL)
    assert '"max_output_tokens": 200' in made.change


def test_budgets(found: dict[str, list[RecommendationMade]]) -> None:
    moved, idle = only(found, "budgets", "budget"), only(found, "idle", "budget")
    assert (moved.saving_usd, moved.at_stake_usd, moved.requests) == (
        NOTHING,
        PLANTED * REFUSED_USD,
        PLANTED,
    )
    lent = 60 * BIG + PLANTED * REFUSED_USD - 1
    assert f'limit_usd: "{1 + lent:.2f}"' in moved.change
    assert f'limit_usd: "{10 - lent:.2f}"' in moved.change
    assert (idle.team, idle.at_stake_usd) == ("asleep", 500 - 2 * 100 * BIG)
    for command in (*moved.change.split(" && "), idle.change):
        check(tuple(shlex.split(command)))


def test_a_month_is_thirty_days_of_what_was_observed(written: tuple[Settings, Found]) -> None:
    _, told = written
    observed = Decimal(str((UNTIL - SINCE).total_seconds())) - Decimal(30 * 3600)
    for made in told.recommendations:
        if made.saving_usd:
            assert made.monthly_usd == (made.saving_usd * 2_592_000 / observed).quantize(Decimal("0.000001"))


def test_savings_add_up_where_no_request_is_in_two(written: tuple[Settings, Found]) -> None:
    _, told = written
    assert not any(made.overlaps for made in told.recommendations)
    assert together(told.recommendations)[0] == sum(made.saving_usd for made in told.recommendations)


def test_what_cannot_be_looked_at_is_counted(written: tuple[Settings, Found]) -> None:
    _, told = written
    assert told.left_out == {UNREADABLE: 1, UNREGISTERED: PLANTED}


async def test_the_evidence_can_be_asked_for(written: tuple[Settings, Found]) -> None:
    settings, told = written
    async with Warehouse(settings.clickhouse) as warehouse:
        for made in told.recommendations:
            rows = await warehouse.rows(made.query)
            assert rows, made.kind
            if made.kind == "cheaper_model":
                assert (rows[0]["requests"], rows[0]["cost_usd"]) == (made.requests, made.before_usd)
            if made.kind == "cacheable":
                assert rows[0]["paid"] == PLANTED + 1
            if made.kind == "paid_for_nothing":
                assert sum(row["cost_usd"] for row in rows) == made.before_usd


async def test_one_tenant_is_told_of_itself_alone(written: tuple[Settings, Found]) -> None:
    settings, everybody = written
    told = await find(settings, SINCE, UNTIL, "cheaper")
    same = [made for made in everybody.recommendations if made.tenant == "cheaper"]
    assert told.recommendations == same
    assert (await find(settings, SINCE, UNTIL, "clean")).recommendations == []


async def test_what_was_published_is_in_the_table_and_the_newest_holds(written: tuple[Settings, Found]) -> None:
    settings, told = written
    place = TopicPartition(RECOMMENDATIONS.name, 0)
    again = [
        made.model_copy(update={"requests": 7, "made_at": UNTIL.replace(hour=5)}) for made in told.recommendations
    ]
    events = [event_of(made) for made in (*again, *told.recommendations)]
    records = [record(number, one.value, tuple(one.headers), one.key, place) for number, one in enumerate(events)]
    async with Warehouse(settings.clickhouse) as warehouse:
        block = encode("log-1", Block({place: records}).in_order())
        await warehouse.insert("archive_store", COLUMNS, block, {"async_insert": 0})
        rows = {row["id"]: row for row in await warehouse.rows("SELECT * FROM recommendations")}
    assert rows.keys() == {made.id for made in told.recommendations}
    for made in told.recommendations:
        row = rows[made.id]
        assert row["requests"] == 7
        money = ("before_usd", "after_usd", "saving_usd", "monthly_usd", "at_stake_usd")
        assert [row[name] for name in money] == [getattr(made, name) for name in money]
        assert (row["evidence"], row["query"], row["kind"]) == (made.evidence, made.query, made.kind)
