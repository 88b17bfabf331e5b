"""Surveys that decisions name: which ones the log already has."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from schemas.survey import Findings
from schemas.wire import SurveyRecord
from streams.envelope import Publication, cloud_event
from streams.stage import moment
from streams.topics import SURVEYS

TELL_AGAIN_SECONDS = 86_400.0
"""Whoever keeps results for a while finds their surveys among events of the same age, a day more or less."""

_json = msgspec.json.Encoder()


class ToldSurveys:
    """Which surveys the tenants of one partition have been told.

    A tenant is told of its own only: what others were told neither saves it an event nor shows in its topics.

    Args:
        capacity: Surveys remembered; the one not asked for longest is forgotten first, and told again if need be.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._told_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def news(self, asked: Iterable[tuple[str, Findings | None]], now: float) -> list[SurveyRecord]:
        """Return what has to be told before decisions may name it; call `told` when it is in the log.

        Args:
            asked: Tenants, and what the decisions for them name, if anything; the same may come many times.
            now: Unix seconds.
        """
        found = {(tenant, findings.id): findings for tenant, findings in asked if findings is not None}
        news = []
        for key, (survey, models, candidates, lost) in found.items():
            told_at = self._told_at.get(key)
            if told_at is None or now - told_at >= TELL_AGAIN_SECONDS:
                news.append(SurveyRecord(survey, key[0], moment(now), models, candidates, lost))
            else:
                self._told_at.move_to_end(key)
        return news

    def told(self, records: Iterable[SurveyRecord], now: float) -> None:
        """Note that these are in the log since `now`, in Unix seconds."""
        for record in records:
            self._told_at[record.tenant, record.id] = now
        while len(self._told_at) > self._capacity:
            self._told_at.popitem(last=False)


def survey_event(record: SurveyRecord) -> Publication:
    """Return a survey as a publication."""
    key = f"{record.tenant}/{record.id}".encode()
    return cloud_event(SURVEYS, record.id, record.tenant, record.taken_at, _json.encode(record), key=key)
