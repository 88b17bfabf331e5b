"""Events of episodes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from agents.analytics.anomalies.episodes import Episode
from agents.analytics.anomalies.figures import NATURES
from agents.analytics.anomalies.watch import MINUTE
from agents.analytics.anomalies.wording import Told, text_of, title_of
from schemas.anomaly import AnomalyEnded, AnomalyOpened, Contribution, Metric
from streams.envelope import Publication, cloud_event
from streams.topics import ANOMALIES, ANOMALIES_ENDED

DIGITS = 6


def anomaly_id(tenant: str, metric: Metric, start: datetime) -> str:
    """Return the id of an anomaly, the same whoever finds it."""
    return f"{tenant}/{metric}/{start:%Y-%m-%dT%H:%MZ}"


def moment_of(at: float) -> datetime:
    """Return when a minute of an episode began."""
    return datetime.fromtimestamp(at, UTC)


def ended_at(episode: Episode) -> datetime:
    """Return when the last strange minute of an episode ended."""
    return moment_of(episode.end) + timedelta(seconds=MINUTE)


def opened(
    tenant: str,
    metric: Metric,
    episode: Episode,
    causes: tuple[Contribution, ...],
    *,
    now: float,
    muted: bool,
) -> AnomalyOpened:
    """Return that an episode has opened."""
    start = moment_of(episode.start)
    anomaly = anomaly_id(tenant, metric, start)
    told = _told(anomaly, tenant, metric, start, None, episode, causes)
    return AnomalyOpened(
        id=f"{anomaly}/opened",
        anomaly=anomaly,
        tenant=tenant,
        metric=metric,
        start=start,
        **_figures(metric, episode),
        contributions=causes,
        title=title_of(told),
        text=text_of(told),
        detected_at=moment_of(now),
        muted=muted,
    )


def ended(
    anomaly: str,
    tenant: str,
    metric: Metric,
    start: datetime,
    episode: Episode,
    causes: tuple[Contribution, ...],
    *,
    now: float,
    muted: bool,
) -> AnomalyEnded:
    """Return that an anomaly has ended; it may have begun before the episode, as far as that is remembered."""
    end = ended_at(episode)
    told = _told(anomaly, tenant, metric, start, end, episode, causes)
    return AnomalyEnded(
        id=f"{anomaly}/ended",
        anomaly=anomaly,
        tenant=tenant,
        metric=metric,
        start=start,
        end=end,
        **_figures(metric, episode),
        contributions=causes,
        title=title_of(told),
        text=text_of(told),
        detected_at=moment_of(now),
        muted=muted,
    )


def published(event: AnomalyOpened) -> Publication:
    """Return an event as it travels."""
    topic = ANOMALIES_ENDED if isinstance(event, AnomalyEnded) else ANOMALIES
    value = event.model_dump_json(exclude_defaults=True).encode()
    return cloud_event(topic, event.id, event.tenant, event.detected_at, value)


def _told(
    anomaly: str,
    tenant: str,
    metric: Metric,
    start: datetime,
    end: datetime | None,
    episode: Episode,
    causes: tuple[Contribution, ...],
) -> Told:
    figures = _figures(metric, episode)
    return Told(
        anomaly,
        tenant,
        metric,
        start,
        end,
        figures["observed"],
        figures["expected"],
        figures["lower"],
        figures["upper"],
        causes,
    )


def _figures(metric: Metric, episode: Episode) -> dict[str, Any]:
    return {
        "severity": round(episode.severity, DIGITS),
        "unit": NATURES[metric].unit,
        "observed": round(episode.value, DIGITS),
        "expected": round(max(0.0, (episode.low + episode.high) / 2), DIGITS),
        "lower": round(max(0.0, episode.low), DIGITS),
        "upper": round(episode.high, DIGITS),
    }
