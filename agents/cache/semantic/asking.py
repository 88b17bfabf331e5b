"""The kind of question a text asks: what, why, how many, whether, or a command."""

from __future__ import annotations

from collections.abc import Sequence

from agents.cache.semantic.lexicon import Lexicon

LOOKED_AT = 16
"""Words from the beginning among which the question word stands."""
AHEAD = 6
MANNER = frozenset({"way", "ways", "method", "methods", "steps", "procedure", "process", "trick", "technique"})
REASON = frozenset({"reason", "reasons", "cause", "causes"})
MOMENT = frozenset({"time", "date", "year", "day", "month", "century"})
PLACE = frozenset({"place", "places", "location", "town"})
AMOUNT = frozenset({"many", "much"})
AMOUNTS = frozenset({"number", "amount", "quantity", "count"})
STEERING = frozenset(
    {
        "do",
        "does",
        "did",
        "can",
        "could",
        "should",
        "would",
        "will",
        "shall",
        "may",
        "might",
        "must",
        "is",
        "are",
        "was",
    }
    | {"were", "am", "be", "has", "have", "had", "to", "i", "you", "we", "they", "he", "she", "it", "one", "the", "a"}
    | {"an", "my", "your", "not", "and", "or", "in", "on", "at", "by", "about", "with", "for", "if"}
)
"""What follows a `how` that asks for a manner; any other word is what a degree is asked of."""
MEASURED = frozenset({"long", "far", "old", "tall", "high", "deep", "wide", "big", "heavy", "fast", "often", "large"})
ADDRESSED = frozenset({"you", "anyone", "anybody", "someone", "somebody", "i", "we", "there", "it"})
WHAT, WHICH, WHO, WHEN, WHERE, WHY, HOW, WHETHER, COMMAND, HOW_MANY, HOW_LONG = range(1, 12)
KINDS = 12
"""How many there are with 0, a text that asks nothing."""
APART = (WHO, WHEN, WHERE, WHY, HOW_MANY, HOW_LONG)
"""Kinds that ask for something no other kind asks for."""
OPEN = frozenset({WHAT, WHICH, WHO, WHEN, WHERE, WHY, HOW})


def asked(tokens: Sequence[str], lexicon: Lexicon) -> int:
    """Return the kind of question; 0 where there is none."""
    asks = lexicon.asks
    first = 0
    for place, token in enumerate(tokens[:LOOKED_AT], start=1):
        kind = asks.get(token)
        if kind is None:
            continue
        if kind in OPEN:
            return _told_apart(kind, _small(tokens, place), lexicon.knowledge.verbs)
        if not first:
            first = kind
            if kind == WHETHER:
                ahead = _small(tokens, place)
                if ahead and ahead[0] in ADDRESSED:
                    if not MANNER.isdisjoint(ahead):
                        return HOW
                    continue
            elif token.lower() in POINTING:
                continue
            return first
    return first


def _small(tokens: Sequence[str], place: int) -> list[str]:
    return [token.lower() for token in tokens[place : place + AHEAD]]


POINTING = frozenset({"tell", "explain", "describe", "give", "show", "find", "list"})
"""Commands that are often followed by the question itself."""


def _told_apart(kind: int, ahead: list[str], verbs: frozenset[str]) -> int:
    if not ahead:
        return kind
    if kind == HOW:
        if ahead[0] in AMOUNT:
            return HOW_MANY
        return HOW if ahead[0] in STEERING or (ahead[0] in verbs and ahead[0] not in MEASURED) else HOW_LONG
    if kind in {WHAT, WHICH}:
        near = ahead[:5]
        if not MANNER.isdisjoint(near):
            return HOW
        if not REASON.isdisjoint(near):
            return WHY
        if ahead[0] in MOMENT:
            return WHEN
        if ahead[0] in PLACE:
            return WHERE
        if not AMOUNTS.isdisjoint(near):
            return HOW_MANY
    return kind
