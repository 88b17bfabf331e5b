"""`asahi recommend`: what could be done to spend less, checked against the logged requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from agents.recommend.asking import BudgetPeriods, CacheAgain, LanesAgain, RouterAgain
from agents.recommend.reading import Facts, budgets_of, read_grades, read_registry, read_span
from agents.recommendations.display import SHORT, document, show_all, show_one
from agents.recommendations.kinds import KINDS
from agents.recommendations.making import Finding
from agents.recommendations.overlap import ranked
from agents.recommendations.publishing import publish
from agents.recommendations.terms import Period, Terms
from schemas.errors import ConfigurationError
from schemas.recommendation import RecommendationMade
from schemas.registry import ModelRegistry
from schemas.settings import Settings
from streams.cli.acquaintance import check_known
from streams.cli.display import console, emit_json, side_console
from streams.cli.invocation import Invocation
from streams.cli.moments import Span
from streams.cli.signals import run_to_end
from streams.topics import RECOMMENDATIONS
from streams.warehouse.client import Warehouse

PUBLISHED = """
SELECT value FROM archive WHERE topic = {topic:String} AND (cluster, partition, offset) IN
(SELECT cluster, partition, offset FROM recommendations WHERE startsWith(id, {id:String}))
"""
TITLES = {kind.name: kind.title for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to recommend.

    Attributes:
        requests: How many requests there were in the period.
        left_out: Requests that could not be looked at, by why.
    """

    recommendations: list[RecommendationMade]
    period: Period
    requests: int
    left_out: Counter[str]


async def find(settings: Settings, since: datetime, until: datetime, tenant: str = "") -> Found:
    """Return what there is to recommend for the requests received in a period.

    Args:
        settings: As configured; requests are decided again under it.
        since: Received then or later.
        until: And before.
        tenant: Of one tenant; empty for all.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing or not those of this release.
    """
    models = ModelRegistry.load(settings.models_file)
    parameters = {"since": since, "until": until, "tenant": tenant}
    async with Warehouse(settings.clickhouse) as warehouse:
        requests, first = await read_span(warehouse, parameters)
        registry = await read_registry(warehouse)
        period = Period(since, until, first, settings.recommendations.least_seconds)
        terms = Terms(
            period,
            until,
            settings,
            models,
            RouterAgain(models, settings.routing),
            CacheAgain(),
            LanesAgain(settings.windows, settings.batches),
            BudgetPeriods(),
            await read_grades(warehouse, parameters),
            budgets_of(registry, tenant),
        )
        facts = Facts(warehouse, registry, parameters, settings.recommendations.page_requests)
        found: list[Finding] = []
        for kind in KINDS:
            finder = kind.finder(terms)
            async for portion in facts.of(kind, terms):
                finder.add(portion)
            found += finder.found()
    return Found(ranked(found), period, requests, Counter(facts.left_out.counts()))


def _since(seconds: int) -> tuple[datetime, datetime]:
    until = datetime.now(UTC)
    return until - timedelta(seconds=seconds), until


def _options(command: Any) -> Any:
    json_ = click.option("--json", "as_json", is_flag=True, help="For programs, with the SQL behind each.")(command)
    tenant = click.option("--tenant", default="", help="Of one tenant only.")(json_)
    return click.option(
        "--since", "seconds", type=Span(), default="7d", show_default=True, help="How far back: 90m, 12h, 30d."
    )(tenant)


@click.group(invoke_without_command=True)
@_options
@click.option("--publish", "published", is_flag=True, help="Send them to the log, where the sink archives them.")
@click.pass_context
def recommend(context: click.Context, seconds: int, tenant: str, as_json: bool, published: bool) -> None:
    """Say what could be done to spend less: how much it saves, for whom, and what speaks for it.

    Every recommendation was checked by deciding the logged requests again; nothing is called and nothing is changed.
    """
    if context.invoked_subcommand is not None:
        return
    settings = context.find_object(Invocation).attached()  # type: ignore[union-attr]  # every command has one
    with side_console().status("deciding the logged requests again"):
        found = run_to_end(_found(settings, seconds, tenant, published=published))
    if as_json:
        emit_json(document(found.recommendations, found.period, found.left_out))
        return
    fewest = settings.recommendations.least_requests
    show_all(found.recommendations, found.period, found.left_out, TITLES, found.requests, fewest)
    if published:
        count = len(found.recommendations)
        console().print(f"{count:,} sent to {RECOMMENDATIONS.name}; the table recommendations shows them in a second")


async def _found(settings: Settings, seconds: int, tenant: str, *, published: bool = False) -> Found:
    found = await find(settings, *_since(seconds), tenant)
    if not found.requests:
        await check_known(settings.clickhouse, tenant)
    if published:
        await publish(settings.kafka, found.recommendations)
    return found


@recommend.command()
@click.argument("recommendation_id", metavar="ID")
@_options
@click.pass_obj
def show(invocation: Invocation, recommendation_id: str, seconds: int, tenant: str, as_json: bool) -> None:
    """Show one recommendation with all that speaks for it; the first characters of its ID are enough.

    It is found again for the same period, or else looked up among those that were published.
    """
    settings = invocation.attached()
    with side_console().status("deciding the logged requests again"):
        made = run_to_end(_one(settings, recommendation_id, seconds, tenant))
    if as_json:
        emit_json(made.model_dump(mode="json"))
    else:
        show_one(made, TITLES.get(made.kind, made.kind), settings.clickhouse)


async def _one(settings: Settings, recommendation_id: str, seconds: int, tenant: str) -> RecommendationMade:
    """Return the recommendation whose id begins so.

    Raises:
        ConfigurationError: There is none, or there are several.
    """
    found = (await _found(settings, seconds, tenant)).recommendations
    matching = [made for made in found if made.id.startswith(recommendation_id)]
    if not matching:
        async with Warehouse(settings.clickhouse) as warehouse:
            parameters = {"topic": RECOMMENDATIONS.name, "id": recommendation_id}
            async for block in warehouse.stream(PUBLISHED, parameters):
                matching += [RecommendationMade.model_validate_json(value) for (value,) in block]
    if not matching:
        raise ConfigurationError(
            f"there is no recommendation {recommendation_id!r} for this period, and none of this id was published; "
            "give the same --since and --tenant as when it was found"
        )
    if len(matching) > 1:
        ids = ", ".join(made.id[: 2 * SHORT] for made in matching)
        raise ConfigurationError(f"several recommendations begin with {recommendation_id!r}: {ids}")
    return matching[0]
