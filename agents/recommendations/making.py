"""Making a recommendation out of sums, or none where it is not worth saying."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

from agents.recommendations.evidence import Value, sql_of, with_values
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Terms
from schemas.recommendation import Confidence, RecommendationMade

ID_BYTES = 16
SEPARATOR = "\0"
QUALITY_DIGITS = 6
"""As routing counts qualities."""


@dataclass(frozen=True, slots=True)
class About:
    """Whom a recommendation is about.

    Attributes:
        part: Tells recommendations of one kind about the same people apart, such as the cause.
    """

    tenant: str
    team: str | None = None
    user: str | None = None
    task_type: str | None = None
    model: str | None = None
    part: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a recommendation says besides its figures.

    Attributes:
        values: Of the kind's SQL, besides tenant and period.
    """

    summary: str
    change: str
    confidence: Confidence
    evidence: Mapping[str, str]
    values: Mapping[str, Value]


class Finding(NamedTuple):
    """A recommendation, and the requests it is about by 64 bits each."""

    made: RecommendationMade
    keys: array[int]


def finding(
    kind: str,
    about: About,
    said: Said,
    tally: Tally,
    terms: Terms,
    *,
    looked_at: int,
    quality: tuple[float, float] | None = None,
) -> Finding | None:
    """Return a recommendation; None where it is about too few requests or saves nothing."""
    if len(tally) < terms.settings.recommendations.least_requests or tally.saving <= 0:
        return None
    return Finding(recommended(kind, about, said, tally, terms, looked_at=looked_at, quality=quality), tally.keys)


def recommended(
    kind: str,
    about: About,
    said: Said,
    tally: Tally,
    terms: Terms,
    *,
    looked_at: int,
    quality: tuple[float, float] | None = None,
    at_stake: Decimal | None = None,
) -> RecommendationMade:
    """Return a recommendation, whatever it is worth.

    Args:
        kind: Its name; its SQL is in the file of that name.
        about: Whom it is about.
        said: What it says.
        tally: The sums.
        terms: With the period.
        looked_at: How many requests were looked at.
        quality: Mean predicted quality before and after.
        at_stake: Money that is not saved but concerned.
    """
    period = terms.period
    values = {"tenant": about.tenant, "since": period.since, "until": period.until, **said.values}
    return RecommendationMade(
        id=id_of(kind, about, terms),
        kind=kind,
        tenant=about.tenant,
        team=about.team,
        user=about.user,
        task_type=about.task_type,
        model=about.model,
        summary=said.summary,
        change=said.change,
        since=period.since,
        until=period.until,
        requests=len(tally),
        looked_at=looked_at,
        before_usd=tally.before,
        after_usd=tally.after,
        saving_usd=tally.saving,
        monthly_usd=period.monthly(tally.saving) if tally.saving else None,
        at_stake_usd=at_stake,
        quality_before=None if quality is None else round(quality[0], QUALITY_DIGITS),
        quality_after=None if quality is None else round(quality[1], QUALITY_DIGITS),
        confidence=said.confidence,
        evidence=dict(said.evidence),
        query=with_values(sql_of(kind), values),
        made_at=terms.made_at,
    )


def id_of(kind: str, about: About, terms: Terms) -> str:
    """Return the id of a recommendation: the same for the same kind, people and days."""
    period = terms.period
    days = (period.since.date().isoformat(), period.until.date().isoformat())
    whom = (about.tenant, about.team, about.user, about.task_type, about.model, about.part)
    parts = (kind, *(part or "" for part in whom), *days)
    return blake2b(SEPARATOR.join(parts).encode(errors="surrogatepass"), digest_size=ID_BYTES).hexdigest()
