"""Which words only one side of a pair has, by what they may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.batch import Floats, Ints, Side
from agents.cache.semantic.knowledge import Kind
from agents.cache.semantic.lexicon import Lexicon

TOLD = (
    Kind.NUMBER,
    Kind.UNIT,
    Kind.DATE,
    Kind.ENTITY,
    Kind.QUANTIFIER,
    Kind.NEGATION,
    Kind.DIRECTION,
    Kind.LANGUAGE,
    Kind.SYMBOL,
    Kind.CODE,
    Kind.LIGHT,
    Kind.COORDINATOR,
)
"""Kinds of words whose differences are counted apart."""
NAMES = (
    *(f"{kind.name.lower()}_{side}" for kind in TOLD for side in ("replaced", "added") if kind.name),
    "words_shared",
    "content_shared",
    "content_replaced",
    "content_added",
    "content_contained",
    "heavy_replaced",
    "heavy_added",
    "length_shared",
    "length_heaviest",
    "plain_replaced",
    "plain_added",
    "function_differs",
    "idle_differs",
    "bigrams_shared",
    "opposed",
    "spoken_differs",
    "words_less",
    "words_ratio",
    "content_less",
)
HEAVY = int(Kind.CONTENT | Kind.NUMBER)
SPECIAL = int(
    Kind.NUMBER | Kind.UNIT | Kind.DATE | Kind.ENTITY | Kind.QUANTIFIER | Kind.DIRECTION | Kind.LANGUAGE | Kind.CODE
)


def overlap(first: Side, second: Side, lexicon: Lexicon) -> Floats:
    """Return the features named in `NAMES`; the same whichever side is first. Shape (pairs, len(NAMES))."""
    pairs = len(first.words)
    tally = _tally(first, second, lexicon)
    columns: list[NDArray[np.floating]] = []
    for kind in TOLD:
        mine, others = tally.only(tally.kinds & int(kind) != 0)
        columns += [np.minimum(mine, others), np.abs(mine - others)]
    content = tally.kinds & HEAVY != 0
    heavy = content & (tally.kinds & int(Kind.LIGHT) == 0)
    plain = heavy & (tally.kinds & SPECIAL == 0)
    columns.append(_share(tally.shared(tally.every), first.words, second.words))
    mine, others = tally.only(content)
    both = tally.shared(content)
    columns += [
        both / np.maximum(1, both + mine + others),
        np.minimum(mine, others),
        np.abs(mine - others),
        both / np.maximum(1, both + np.minimum(mine, others)),
    ]
    columns += _replaced(tally, heavy)
    lengths = np.where(heavy, tally.lengths, 0)
    only = np.where(tally.count_first != tally.count_second, lengths, 0)
    common = np.where(tally.count_first * tally.count_second > 0, lengths, 0)
    apart = np.bincount(tally.owner, only, pairs)
    together = np.bincount(tally.owner, common, pairs)
    heaviest = np.zeros(pairs)
    np.maximum.at(heaviest, tally.owner, only)
    columns += [together / np.maximum(1e-6, apart + together), heaviest]
    columns += _replaced(tally, plain)
    idle = tally.kinds & int(Kind.IDLE) != 0
    telling = (tally.kinds & int(Kind.FUNCTION) != 0) & ~idle
    columns += [np.add(*tally.only(telling)), np.add(*tally.only(idle))]
    columns.append(_bigrams(first, second))
    columns.append(_opposed(first, second, lexicon))
    columns.append(_spoken(first, second, lexicon))
    fewer, more = np.minimum(first.words, second.words), np.maximum(first.words, second.words)
    columns += [np.log1p(fewer), fewer / np.maximum(1, more), both + np.minimum(*tally.only(content))]
    return np.column_stack(columns).astype(np.float32)


class _Tally:
    """How often each concept is on each side of each pair.

    Attributes:
        owner: The pair.
        kinds: What the concept may be.
        lengths: Length of its vector: how much it weighs in an embedding.
        count_first: Times it is on the first side; 0 only where it is on the second.
        count_second: Times it is on the second.
    """

    def __init__(
        self, pairs: int, owner: Ints, kinds: Ints, lengths: Floats, count_first: Ints, count_second: Ints
    ) -> None:
        self.pairs = pairs
        self.owner = owner
        self.kinds = kinds
        self.lengths = lengths
        self.count_first = count_first
        self.count_second = count_second
        self.every = np.ones(len(owner), dtype=np.bool_)
        self._first_only = count_second == 0
        self._second_only = count_first == 0

    def only(self, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how many chosen concepts only one side has, by pair: first, second."""
        return self._sum(chosen & self._first_only), self._sum(chosen & self._second_only)

    def shared(self, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return how many chosen concepts both sides have, by pair."""
        return self._sum(chosen & ~self._first_only & ~self._second_only)

    def _sum(self, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(self.owner[chosen], minlength=self.pairs).astype(np.float64)


def _tally(first: Side, second: Side, lexicon: Lexicon) -> _Tally:
    size = int(lexicon.concept.max(initial=0)) + 1
    keys = np.concatenate([first.owner * size + first.concept, second.owner * size + second.concept])
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    new = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(keys) else np.zeros(0, int)
    from_first = (order < len(first.owner)).astype(np.int64)
    count_first = np.add.reduceat(from_first, new) if len(new) else from_first
    counts = np.diff(np.concatenate((new, [len(keys)])))
    rows = np.concatenate([first.rows, second.rows])[order]
    kinds = np.concatenate([first.kinds, second.kinds])[order]
    kinds = np.bitwise_or.reduceat(kinds, new) if len(new) else kinds
    return _Tally(
        len(first.words), ordered[new] // size, kinds, lexicon.lengths[rows[new]], count_first, counts - count_first
    )


def _replaced(tally: _Tally, chosen: NDArray[np.bool_]) -> list[NDArray[np.floating]]:
    mine, others = tally.only(chosen)
    return [np.minimum(mine, others), np.abs(mine - others)]


def _share(common: NDArray[np.floating], first: Ints, second: Ints) -> NDArray[np.floating]:
    return common / np.maximum(1, np.maximum(first, second))


PRIME = 1_000_003


def _bigrams(first: Side, second: Side) -> NDArray[np.float64]:
    """Return the share of neighbouring significant words that both sides have."""
    keys = []
    for side in (first, second):
        kept = np.flatnonzero(side.kinds & HEAVY)
        owner, concept = side.owner[kept], side.concept[kept]
        same = owner[1:] == owner[:-1]
        keys.append(
            np.unique((owner[1:][same] << 40) | ((concept[1:][same] * PRIME + concept[:-1][same]) & ((1 << 40) - 1)))
        )
    pairs = len(first.words)
    every = np.concatenate(keys)
    found, counts = np.unique(every, return_counts=True)
    shared = np.bincount(found[counts > 1] >> 40, minlength=pairs)
    union = np.bincount(found >> 40, minlength=pairs)
    return np.where(union > 0, shared / np.maximum(1, union), 1.0)


def _opposed(first: Side, second: Side, lexicon: Lexicon) -> NDArray[np.float64]:
    """Return the number of pairs of opposites of which the sides have different ends."""
    pairs, axes = len(first.words), lexicon.knowledge.axes
    signs = []
    for side in (first, second):
        axis, sign = lexicon.axis[side.rows], lexicon.sign[side.rows]
        kept = np.flatnonzero(sign)
        place = side.owner[kept] * axes + axis[kept]
        signs.append(np.bincount(place, sign[kept], pairs * axes).reshape(pairs, axes))
    return np.asarray(((signs[0] * signs[1]) < 0).sum(axis=1), dtype=np.float64)


def _spoken(first: Side, second: Side, lexicon: Lexicon) -> NDArray[np.float64]:
    """Return how differently the sides use words that some language has to itself: 0 to 1."""
    languages = len(lexicon.knowledge.languages)
    shares = []
    for side in (first, second):
        bits = lexicon.spoken[side.rows]
        kept = np.flatnonzero(bits)
        shares.append(
            np.column_stack(
                [
                    np.bincount(side.owner[kept], bits[kept] >> language & 1, len(side.words))
                    for language in range(languages)
                ]
            )
            / np.maximum(1, side.words)[:, None]
        )
    return np.asarray(np.abs(shares[0] - shares[1]).max(axis=1), dtype=np.float64)
