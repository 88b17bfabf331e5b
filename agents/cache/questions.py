"""Whose questions are compared with others, and with which: the semantic tier as the cache step asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from zlib import crc32

import msgspec

from agents.cache.exact import Entry
from agents.cache.fingerprint import asked_of
from agents.cache.semantic.found import Found, accepted
from agents.cache.trust import Trust
from schemas.batch import Asked, Completion, Rival
from schemas.policy import CacheMode
from schemas.request import CacheDirective
from schemas.settings import SemanticSettings
from schemas.verdict import Verdict
from streams.stage import Journey

SERVED = frozenset({CacheDirective.DEFAULT, CacheDirective.ONLY})
COMPARISON = "comparison"
_CRC_RANGE = 1 << 32


class Finder(Protocol):
    """Finds one question by another; `agents.cache.semantic.cache` is one, and is heavy to import."""

    def __len__(self) -> int:
        """Return the number of questions."""
        ...

    def add(self, fingerprint: str, asked: Asked) -> None:
        """Know a question whose answer is kept under this fingerprint."""
        ...

    def remove(self, fingerprint: str) -> None:
        """Know a question no more; one that is not known is ignored."""
        ...

    def find(self, asked: Sequence[tuple[Asked, float]]) -> list[Found | None]:
        """Return the likeliest other for each question, and whether it is a hit at the question's own error bound."""
        ...

    def agree(self, one: str, other: str) -> bool:
        """Return whether two answers say the same."""
        ...


class Questions:
    """The questions of one partition whose answers are kept.

    Args:
        settings: Which questions are compared, and how many hits are checked.
        finder: Finds one question by another.
    """

    def __init__(self, settings: SemanticSettings, finder: Finder) -> None:
        self._settings = settings
        self._finder = finder
        self._trust = Trust()
        self._sources: dict[str, tuple[str, str]] = {}
        self._fingerprints: dict[tuple[str, str], str] = {}

    def __len__(self) -> int:
        return len(self._finder)

    def asked(self, journey: Journey) -> Asked | None:
        """Return what a journey asks; None where it is not to be compared.

        A prompt with placeholders is not: what stands behind them may make another question of it.
        """
        policy = journey.policy
        if not policy.semantic_delta or policy.cache_mode is CacheMode.OFF or journey.originals:
            return None
        asked = asked_of(journey.request, policy.sharing, longest=self._settings.max_characters)
        if asked is not None and journey.data_key is not None:
            scope = journey.data_key.fingerprint(asked.scope.encode())
            asked = msgspec.structs.replace(asked, scope=scope)
        return asked

    def near(self, journeys: Mapping[int, Journey]) -> Mapping[int, Found]:
        """Return the hits of these journeys, by the places they are given by.

        Of those that are hits by the tenant's bound some are not served but noted in the journey: a model is asked,
        and its answer tells whether it would have been right. The sample is the same whether verdicts have raised
        the bar beyond them or not: were all that is refused compared and little of what is served, the right ones
        among what is refused would outvote the wrong ones that are served.
        """
        places, asked = [], []
        for place, journey in journeys.items():
            if journey.asked is not None and journey.request.cache.directive in SERVED:
                delta = self._trust.delta(journey.request.tenant, journey.policy.semantic_delta)
                places.append(place)
                asked.append((journey.asked, delta))
        found = self._finder.find(asked) if asked else []
        hits: dict[int, Found] = {}
        for place, one in zip(places, found, strict=True):
            journey = journeys[place]
            delta = journey.policy.semantic_delta
            if one is None or not accepted(one.probability, delta):
                continue
            if self._checked(journey):
                rival = Rival(one.key, one.probability, delta)
                journey.asked = journey.asked and msgspec.structs.replace(journey.asked, rival=rival)
            elif one.hit:
                hits[place] = one
        return hits

    def add(self, fingerprint: str, asked: Asked, entry: Entry, tenant: str) -> None:
        """Know a question whose answer is kept under this fingerprint, unless it was no answer to others."""
        source = (tenant, entry.source_request_id)
        if self._trust.rejects(*source):
            return
        self._finder.add(fingerprint, asked)
        self._sources[fingerprint] = source
        self._fingerprints[source] = fingerprint

    def remove(self, fingerprint: str) -> None:
        """Know a question no more; one that is not known is ignored."""
        source = self._sources.pop(fingerprint, None)
        if source is not None:
            self._finder.remove(fingerprint)
            if self._fingerprints.get(source) == fingerprint:
                del self._fingerprints[source]

    def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Learn whether answers were right; a question whose answer was wrong for another serves nobody else."""
        for verdict in verdicts:
            if self._trust.hear(verdict) and verdict.wrong:
                fingerprint = self._fingerprints.get((verdict.tenant, verdict.source_request_id))
                if fingerprint is not None:
                    self.remove(fingerprint)

    def compared(self, completion: Completion, rival: Rival, kept: Entry) -> Verdict | None:
        """Return whether a kept answer would have served, by what a model answered; None where it cannot be told."""
        said = completion.answer
        if said is None or said.content is None or kept.answer.content is None or completion.makeshift:
            return None
        if said.finish_reason != kept.answer.finish_reason:
            return None
        passenger = completion.passenger
        return Verdict(
            id=f"{COMPARISON}/{passenger.id}",
            tenant=passenger.tenant,
            source_request_id=kept.source_request_id,
            wrong=not self._finder.agree(said.content, kept.answer.content),
            probability=rival.probability,
            error_bound=rival.error_bound,
            by=COMPARISON,
            occurred_at=completion.completed_at,
        )

    def _checked(self, journey: Journey) -> bool:
        """Return whether a model is asked and compared with; up to the request's id, so that it is replayed."""
        if journey.request.cache.directive is CacheDirective.ONLY or journey.policy.cache_mode is not CacheMode.USE:
            return False
        share = self._settings.checked_share
        if self._trust.doubts(journey.request.tenant):
            share = max(share, self._settings.checked_in_doubt)
        return crc32(journey.request.id.encode()) < share * _CRC_RANGE
