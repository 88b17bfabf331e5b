"""The kind of question a text asks: what, why, how many, whether, or a command."""

from __future__ import annotations

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
MEASURED = frozenset({"long", "far", "old", "tall", "high", "deep", "wide", "big", "heavy", "fast", "often", "large"})
ADDRESSED = frozenset({"you", "anyone", "anybody", "someone", "somebody", "i", "we", "there", "it"})
WHAT, WHICH, WHO, WHEN, WHERE, WHY, HOW, WHETHER, COMMAND, HOW_MANY, HOW_LONG = range(1, 12)
KINDS = 12
"""How many there are with 0, a text that asks nothing."""
APART = (WHO, WHEN, WHERE, WHY, HOW_MANY, HOW_LONG)
"""Kinds that ask for something no other kind asks for."""
OPEN = frozenset({WHAT, WHICH, WHO, WHEN, WHERE, WHY, HOW})


def asked(tokens: list[str], lexicon: Lexicon) -> int:
    """Return the kind of question; 0 where there is none."""
    words = [token.lower() for token in tokens[:LOOKED_AT]]
    asks = lexicon.asks
    first = 0
    for place, word in enumerate(words):
        kind = asks.get(word, 0)
        if not kind:
            continue
        if kind in OPEN:
            return _told_apart(kind, words[place + 1 : place + 1 + AHEAD])
        if not first:
            first = kind
            if kind == WHETHER and place + 1 < len(words) and words[place + 1] in ADDRESSED:
                if not MANNER.isdisjoint(words[place + 1 : place + 1 + AHEAD]):
                    return HOW
                continue
            if kind == COMMAND and word in POINTING:
                continue
            return first
    return first


POINTING = frozenset({"tell", "explain", "describe", "give", "show", "find", "list"})
"""Commands that are often followed by the question itself."""


def _told_apart(kind: int, ahead: list[str]) -> int:
    if not ahead:
        return kind
    if kind == HOW:
        if ahead[0] in AMOUNT:
            return HOW_MANY
        return HOW_LONG if ahead[0] in MEASURED else HOW
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
