"""What could be done to spend less, each with the saving, the evidence and the query behind it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.model import Event, Fraction, Usd, Value

Count = Annotated[int, Field(ge=0)]
Saved = Annotated[Usd, Field(ge=0)]


class Confidence(StrEnum):
    """What a saving rests on."""

    RECORDED = "recorded"  # what the log holds: the same answers, without what was paid for nothing
    PREDICTED = "predicted"  # a prediction as well: of quality, of an answer's length, of when a batch is back


class Overlap(Value):
    """Another recommendation about some of the same requests: their savings do not add up.

    Attributes:
        id: Of the other recommendation.
        requests: How many requests both are about.
    """

    id: str
    requests: Count


class RecommendationMade(Event):
    """One recommendation, checked against the logged requests of a period.

    Attributes:
        version: Of this contract.
        id: Hex BLAKE2b-128 of kind, whom it is about, and the days on which the period begins and ends: found again
            on the same day, it has the same id.
        kind: Which kind of recommendation, such as `cheaper_model`.
        tenant: Whom it is about; also the message key.
        team: The team it is about; absent for the whole organization.
        user: The user it is about.
        task_type: The task type it is about.
        model: The model it is about.
        summary: What was found, in a sentence.
        change: What to do: lines of configuration, a field of the requests, or a command.
        since: Requests received then or later were looked at.
        until: And before.
        requests: How many requests it is about.
        looked_at: How many were looked at to find them.
        before_usd: What these requests cost, as booked, in US dollars.
        after_usd: What they would have cost after the change, in US dollars.
        saving_usd: The former less the latter, in US dollars.
        monthly_usd: The saving in 30 days at the pace of the observed part of the period, in US dollars; absent where
            too little of it was observed.
        at_stake_usd: Money that is not saved but lies idle or was refused, in US dollars; absent for most kinds.
        quality_before: Mean predicted quality of the answers they got, where quality changes.
        quality_after: The same after the change.
        confidence: `recorded` where the saving follows from the log alone, `predicted` where a prediction is part.
        evidence: What speaks for it, in figures, by name.
        query: SQL that shows the evidence.
        overlaps: Other recommendations about some of the same requests.
        made_at: When it was made; of one id the newest holds.
    """

    id: str
    kind: str
    tenant: str
    team: str | None = None
    user: str | None = None
    task_type: str | None = None
    model: str | None = None
    summary: str
    change: str
    since: AwareDatetime
    until: AwareDatetime
    requests: Count
    looked_at: Count
    before_usd: Usd
    after_usd: Usd
    saving_usd: Saved
    monthly_usd: Saved | None = None
    at_stake_usd: Saved | None = None
    quality_before: Fraction | None = None
    quality_after: Fraction | None = None
    confidence: Confidence
    evidence: dict[str, str] = {}
    query: str
    overlaps: list[Overlap] = []
    made_at: AwareDatetime
