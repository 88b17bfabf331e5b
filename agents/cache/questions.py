"""Whose questions are compared with others, and with which: the semantic tier as the cache step asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from agents.cache.fingerprint import asked_of
from agents.cache.semantic.found import Found
from schemas.batch import Asked
from schemas.policy import CacheMode
from schemas.request import CacheDirective
from streams.stage import Journey

SERVED = frozenset({CacheDirective.DEFAULT, CacheDirective.ONLY})
KEPT = frozenset({CacheDirective.DEFAULT, CacheDirective.REFRESH})


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


class Questions:
    """The questions of one partition whose answers are kept.

    Args:
        cache: Finds one question by another.
        longest: Most characters of a question that is compared.
    """

    def __init__(self, cache: Finder, longest: int) -> None:
        self._cache = cache
        self._longest = longest

    def __len__(self) -> int:
        return len(self._cache)

    def asked(self, journey: Journey) -> Asked | None:
        """Return what a journey asks; None where it is not to be compared.

        A prompt with placeholders is not: what stands behind them may make another question of it.
        """
        policy = journey.policy
        if not policy.semantic_delta or policy.cache_mode is CacheMode.OFF or journey.originals:
            return None
        asked = asked_of(journey.request, policy.sharing, longest=self._longest)
        if asked is not None and journey.data_key is not None:
            scope = journey.data_key.fingerprint(asked.scope.encode())
            asked = msgspec.structs.replace(asked, scope=scope)
        return asked

    def near(self, journeys: Sequence[Journey]) -> Mapping[int, Found]:
        """Return the hits of these journeys, by their place."""
        places, asked = [], []
        for place, journey in enumerate(journeys):
            if journey.asked is not None and journey.request.cache.directive in SERVED:
                places.append(place)
                asked.append((journey.asked, journey.policy.semantic_delta))
        found = self._cache.find(asked) if asked else []
        return {place: one for place, one in zip(places, found, strict=True) if one is not None and one.hit}

    def add(self, fingerprint: str, asked: Asked) -> None:
        """Know a question whose answer is kept under this fingerprint."""
        self._cache.add(fingerprint, asked)

    def remove(self, fingerprint: str) -> None:
        """Know a question no more."""
        self._cache.remove(fingerprint)
