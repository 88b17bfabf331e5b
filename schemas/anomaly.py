"""What was strange in the usage of an organization, and what people did about it: `asahi.anomalies`.

An anomaly is one episode of one series, however many minutes it lasts: it opens once and ends once. Both events carry
the same `anomaly`, which follows from organization, metric and start: whoever judges the same minutes again finds the
same anomaly.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.model import Event, Fraction, Name, Text, Value

MAX_REASON_CHARS = 4096


class Metric(StrEnum):
    """What is watched of an organization, minute by minute."""

    SPEND = "spend"
    REQUESTS = "requests"
    TOKENS = "tokens"
    CALL_COST = "call_cost"
    ERROR_RATE = "error_rate"
    LATENCY = "latency"
    CACHE_HIT_RATE = "cache_hit_rate"
    MODEL_MIX = "model_mix"


class Contribution(Value):
    """One user, model, kind of task, tag or error, and how much of the change it accounts for.

    Attributes:
        dimension: `user`, `model`, `task_type`, `error`, or `tag:` and the tag's name.
        value: Which one; empty where requests name none.
        before: What it amounted to in the hour before, in the metric's unit; its share of what a rate or a mean is
            made of.
        now: The same during the anomaly.
        share: Of the change, how much is its own: 1 is all of it, and more than 1 where others went the other way.
    """

    dimension: str
    value: str
    before: float
    now: float
    share: float


class AnomalyOpened(Event):
    """A series became strange, and it was no single odd minute.

    Attributes:
        version: Of this contract.
        id: Of this event: the anomaly's and `/opened`.
        anomaly: Which; the same when the same minutes are judged again.
        tenant: Whose usage; also the message key.
        metric: What was measured.
        start: When its first strange minute began.
        severity: How rare it is, from 0 to 1; see docs/analytics.md.
        unit: Of what was observed and expected.
        observed: What was measured in the strangest minute so far.
        expected: What was expected there.
        lower: What was expected at least.
        upper: What was expected at most.
        contributions: What moved it, the most telling first; none where nothing stands out.
        title: For people, in one line.
        text: For people, in some lines of plain text.
        detected_at: When it was found.
        muted: Whether it was muted then.
    """

    id: str
    anomaly: str
    tenant: Name
    metric: Metric
    start: AwareDatetime
    severity: Fraction
    unit: str
    observed: float
    expected: float
    lower: float
    upper: float
    contributions: tuple[Contribution, ...] = ()
    title: str
    text: str
    detected_at: AwareDatetime
    muted: bool = False


class AnomalyEnded(AnomalyOpened):
    """A series is as usual again, or what was strange has become usual.

    Attributes:
        id: Of this event: the anomaly's and `/ended`.
        end: When its last strange minute ended.
        severity: The highest while it lasted.
        observed: What was measured in the strangest minute.
    """

    end: AwareDatetime


class AnomalyAcknowledged(Event):
    """Somebody has seen an anomaly and takes care of it, or says that it is none.

    Attributes:
        version: Of this contract.
        id: Of this event.
        anomaly: Which.
        tenant: Whose; also the message key.
        acknowledged_by: Who.
        reason: What is known about it.
        acknowledged_at: When.
    """

    id: str
    anomaly: str
    tenant: Name
    acknowledged_by: str
    reason: Annotated[Text, Field(max_length=MAX_REASON_CHARS)] | None = None
    acknowledged_at: AwareDatetime


class AnomaliesMuted(Event):
    """Nobody wants to be told of some anomalies for a while. They are found and kept all the same.

    The newest event holds for the same organization, metric and anomaly; one whose `until` has passed ends a mute.

    Attributes:
        version: Of this contract.
        id: Of this event.
        tenant: Whose; also the message key.
        metric: Only of this metric; absent means of all.
        anomaly: Only this one; absent means all.
        until: Until when.
        muted_by: Who.
        reason: Why.
        muted_at: When.
    """

    id: str
    tenant: Name
    metric: Metric | None = None
    anomaly: str | None = None
    until: AwareDatetime
    muted_by: str
    reason: Annotated[Text, Field(max_length=MAX_REASON_CHARS)] | None = None
    muted_at: AwareDatetime
