"""What was told of the anomalies of some organizations, and what people said to it: a fold over `asahi.anomalies`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from agents.analytics.anomalies.episodes import Episode
from schemas.anomaly import AnomaliesMuted, AnomalyEnded, AnomalyOpened, Metric
from streams.envelope import header
from streams.records import Record
from streams.topics import ANOMALIES, ANOMALIES_ENDED, ANOMALIES_MUTED
from streams.warehouse.client import Row, Warehouse

TOLD = """
SELECT id, tenant, metric, status, start, end, severity, observed, lower, upper FROM anomalies
WHERE status = 'open' OR end >= {since:DateTime64(6, 'UTC')}
"""
MUTED = "SELECT tenant, metric, anomaly, until FROM anomaly_mutes"
APART = timedelta(minutes=10)
"""An episode that began so soon after another's end, when the same minutes were judged again, is that other one."""

READ: Mapping[str | None, type[AnomalyOpened | AnomaliesMuted]] = {
    ANOMALIES.ce_type: AnomalyOpened,
    ANOMALIES_ENDED.ce_type: AnomalyEnded,
    ANOMALIES_MUTED.ce_type: AnomaliesMuted,
}
"""What is read, by the type of the event."""

Scope = tuple[str, str, str]
"""What is muted: organization, metric or nothing, anomaly or nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """An anomaly that was told.

    Attributes:
        end: When it ended; None while it is open.
        episode: What it was like when it was told last.
    """

    id: str
    tenant: str
    metric: Metric
    start: datetime
    end: datetime | None
    episode: Episode


class Journal:
    """What is known by now. What is applied twice changes nothing."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, Metric], Known] = {}
        self._mutes: dict[Scope, datetime] = {}

    def apply(self, ce_type: str | None, value: bytes | None) -> None:
        """Take an event into account; one that cannot be read is passed over."""
        self.note(_event(ce_type, value))

    def take(self, record: Record) -> None:
        """Take a message of `asahi.anomalies` into account."""
        self.note(event_of(record))

    def note(self, event: AnomalyOpened | AnomaliesMuted | None) -> None:
        """Take an event into account that was read; None is nothing."""
        if isinstance(event, AnomaliesMuted):
            self._mutes[event.tenant, event.metric or "", event.anomaly or ""] = event.until
        elif event is not None:
            self.tell(_known(event, event.end if isinstance(event, AnomalyEnded) else None))

    def copy(self) -> Journal:
        """Return another that knows the same."""
        other = Journal()
        other._newest, other._mutes = dict(self._newest), dict(self._mutes)
        return other

    def tell(self, known: Known) -> None:
        """Note an anomaly; of one organization and metric the latest counts."""
        place = (known.tenant, known.metric)
        newest = self._newest.get(place)
        if newest is None or known.start > newest.start or (known.id == newest.id and newest.end is None):
            self._newest[place] = known

    def newest(self, tenant: str, metric: Metric) -> Known | None:
        """Return the latest anomaly of a metric."""
        return self._newest.get((tenant, metric))

    def open_ones(self, tenant: str) -> list[Known]:
        """Return the anomalies of an organization that have not ended."""
        return [known for known in self._newest.values() if known.tenant == tenant and known.end is None]

    def is_told(self, tenant: str, metric: Metric, start: datetime) -> bool:
        """Return whether an episode that began then was told: it is open, or it is one that has ended."""
        newest = self.newest(tenant, metric)
        return newest is not None and (newest.end is None or start <= newest.end + APART)

    def is_muted(self, tenant: str, metric: Metric, anomaly: str, at: datetime) -> bool:
        """Return whether nobody wants to be told of an anomaly."""
        scopes: Iterable[Scope] = ((tenant, m, a) for m in ("", metric.value) for a in ("", anomaly))
        return any(scope in self._mutes and self._mutes[scope] > at for scope in scopes)

    async def load(self, warehouse: Warehouse, since: datetime) -> None:
        """Take into account what ClickHouse has: a log may have begun anew, or be shorter.

        Args:
            warehouse: Where it is.
            since: What ended before is no news to anybody.
        """
        for row in await warehouse.rows(TOLD, {"since": since}):
            with suppress(ValueError):  # a metric of another release
                self.tell(_found(row))
        for row in await warehouse.rows(MUTED):
            scope = (row["tenant"], row["metric"], row["anomaly"])
            self._mutes[scope] = row["until"]


def event_of(record: Record) -> AnomalyOpened | AnomaliesMuted | None:
    """Return what a message of `asahi.anomalies` says; None for other kinds, and for what cannot be read."""
    kind = header(record.headers, "ce_type")
    return _event(None if kind is None else kind.decode(errors="replace"), record.value)


def _event(ce_type: str | None, value: bytes | None) -> AnomalyOpened | AnomaliesMuted | None:
    model = READ.get(ce_type)
    with suppress(ValidationError):
        return None if model is None else model.model_validate_json(value or b"")
    return None


def _known(told: AnomalyOpened, end: datetime | None) -> Known:
    start = told.start.timestamp()
    episode = Episode(start, start, told.severity, told.observed, told.lower, told.upper)
    return Known(told.anomaly, told.tenant, told.metric, told.start, end, episode)


def _found(row: Row) -> Known:
    start = row["start"].timestamp()
    episode = Episode(start, start, row["severity"], row["observed"], row["lower"], row["upper"])
    return Known(row["id"], row["tenant"], Metric(row["metric"]), row["start"], row["end"], episode)
