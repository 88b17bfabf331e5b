"""Recommendations as people and programs read them."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.markup import escape

from agents.recommendations.overlap import together
from agents.recommendations.terms import Period
from schemas.recommendation import Confidence, RecommendationMade
from schemas.settings import ClickHouseSettings
from streams.cli.display import console, dollars, duration, plain_table

SHORT = 8
"""Characters of an id that people type."""
CONFIDENCE = {
    Confidence.RECORDED: "recorded: it follows from the log alone",
    Confidence.PREDICTED: "predicted: of another model, a batch or a provider's cache only a prediction is known",
}


def whom(made: RecommendationMade) -> str:
    """Return whom a recommendation is about, in few words."""
    parts = [made.tenant]
    parts += [f"team {made.team}"] if made.team else []
    parts += [f"user {made.user}"] if made.user else []
    parts += [made.task_type] if made.task_type else []
    parts += [made.model] if made.model else []
    return " · ".join(parts)


def document(recommendations: Sequence[RecommendationMade], period: Period, left_out: Counter[str]) -> dict[str, Any]:
    """Return them for programs."""
    total, count = together(recommendations)
    return {
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "observed_seconds": period.seconds,
        "saving_usd_together": total,
        "together": count,
        "not_looked_at": dict(left_out.most_common()),
        "recommendations": [made.model_dump(mode="json") for made in recommendations],
    }


def show_all(
    recommendations: Sequence[RecommendationMade],
    period: Period,
    left_out: Counter[str],
    titles: Mapping[str, str],
    requests: int,
    fewest: int,
) -> None:
    """Print all of them.

    Args:
        recommendations: Those that save most first.
        period: That was looked at.
        left_out: Requests that could not be looked at, by why.
        titles: Of the kinds, by name.
        requests: How many requests there were.
        fewest: How many a recommendation must be about.
    """
    out = console()
    if recommendations:
        table = plain_table(
            "id", "saves", "a month", "requests", "what", "for", right=("saves", "a month", "requests")
        )
        for made in recommendations:
            monthly = "-" if made.monthly_usd is None else dollars(made.monthly_usd)
            cells = (made.id[:SHORT], dollars(made.saving_usd), monthly, f"{made.requests:,}")
            table.add_row(*cells, titles[made.kind], escape(whom(made)))
        out.print(table)
        out.print()
        for made in recommendations:
            at_stake = f" {dollars(made.at_stake_usd)} are at stake." if made.at_stake_usd else ""
            out.print(f"[bold]{made.id[:SHORT]}[/bold]  {escape(made.summary)}{at_stake}", soft_wrap=True)
            out.print(f"          → {escape(made.change)}", soft_wrap=True)
        out.print()
        _show_together(recommendations)
    elif requests < fewest:
        out.print(
            f"too little to go by: {requests:,} requests in this time, and a recommendation must be about {fewest:,} "
            "at least; see --since, or recommendations.least_requests",
            soft_wrap=True,
        )
    else:
        out.print(f"nothing to recommend: {requests:,} requests were looked at, and no change would have saved money")
    for why, count in left_out.most_common():
        out.print(f"{count:,} requests were not looked at: {why}", style="dim", soft_wrap=True)
    _show_period(period, bool(recommendations))


def _show_together(recommendations: Sequence[RecommendationMade]) -> None:
    out = console()
    total, count = together(recommendations)
    saving = sum(1 for made in recommendations if made.saving_usd)
    if count < saving:
        out.print(
            f"Together they save {dollars(total)} at least, which is what {count} of them save that share no "
            "request; the others are partly about the same requests, and their savings do not add up.",
            soft_wrap=True,
        )
    elif count > 1:
        out.print(f"Together they save {dollars(total)}: no two of them are about the same request.", soft_wrap=True)
    out.print("asahi recommend show ID says what speaks for one of them, and asks ClickHouse how.", style="dim")


def _show_period(period: Period, any_: bool) -> None:
    out = console()
    if period.first is None:
        return
    observed = duration(period.seconds)
    said = (
        f"requests received {period.since:%Y-%m-%d %H:%M} to {period.until:%Y-%m-%d %H:%M} UTC, {observed} observed"
    )
    if any_:
        said += "; savings are for this time"
        month = "a month is 30 days at this pace" if _projected(period) else "too short to project a month from it"
        said += f", {month}"
    out.print(said, style="dim", soft_wrap=True)


def _projected(period: Period) -> bool:
    return period.monthly(Decimal(1)) is not None


def show_one(made: RecommendationMade, title: str, clickhouse: ClickHouseSettings) -> None:
    """Print one of them with all that speaks for it, and where to ask for more.

    Args:
        made: The recommendation.
        title: Of its kind.
        clickhouse: Where the tables are that its query names.
    """
    out = console()
    table = plain_table("", "")
    monthly = "" if made.monthly_usd is None else f", {dollars(made.monthly_usd)} in 30 days at this pace"
    rows = [
        (made.id[:SHORT], title),
        ("for", whom(made)),
        ("found", made.summary),
        ("do", made.change),
        ("saves", f"{made.saving_usd:f} USD{monthly}"),
        ("cost", f"{made.before_usd:f} USD before, {made.after_usd:f} USD after, for {made.requests:,} requests"),
    ]
    if made.at_stake_usd:
        rows.append(("at stake", f"{made.at_stake_usd:f} USD"))
    rows.append(("confidence", CONFIDENCE[made.confidence]))
    rows += list(made.evidence.items())
    rows += [("shares", f"{each.requests:,} requests with {each.id[:SHORT]}") for each in made.overlaps]
    rows.append(("period", f"{made.since:%Y-%m-%d %H:%M} to {made.until:%Y-%m-%d %H:%M} UTC"))
    for heading, said in rows:
        table.add_row(f"[bold]{escape(heading)}[/bold]", escape(said))
    out.print(table)
    out.print()
    where = f"{clickhouse.url}/?database={clickhouse.database}"
    out.print(
        "[bold]The evidence, for ClickHouse[/bold] (docs/tables.md tells what the views hold); put it into a file and"
        f"\n  curl '{where}' --data-binary @query.sql",
        soft_wrap=True,
    )
    out.print(textwrap.indent(escape(made.query), "  "), soft_wrap=True)
