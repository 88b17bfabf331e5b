"""Readings of many texts as arrays, one row per word, so that pairs are compared all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.knowledge import Kind
from agents.cache.semantic.lexicon import Lexicon
from agents.cache.semantic.reading import Reading

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

WINDOW = 16
"""Words with a meaning of their own that are compared each with each."""
SIGNIFICANT = int(Kind.CONTENT | Kind.NUMBER)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of many pairs; of the flat arrays each holds one element per word.

    Attributes:
        owner: The pair that the word is of.
        rows: The word's row in the lexicon.
        concept: What it means.
        kinds: What it may be.
        words: How many each pair has on this side.
        asks: Kind of question of each pair.
        quoted: Fingerprint of what each pair quotes on this side.
        symbols: Fingerprint of the operators.
        negations: How many.
        passive: Whether something is done by somebody.
        auxiliaries: One bit for each kind of auxiliary.
        window: The significant words of each pair, (pairs, WINDOW): rows in the lexicon, -1 for none.
        roles: Of those words.
        phrases: Of those words.
        groups: Of those words.
    """

    owner: Ints
    rows: Ints
    concept: Ints
    kinds: Ints
    words: Ints
    asks: Ints
    quoted: Ints
    symbols: Ints
    negations: Ints
    passive: NDArray[np.bool_]
    auxiliaries: Ints
    window: Ints
    roles: Ints
    phrases: Ints
    groups: Ints


def side_of(readings: Sequence[Reading], lexicon: Lexicon) -> Side:
    """Return one side of the pairs; the lexicon must have learned its words."""
    count = len(readings)
    rows_of, roles_of, phrases_of, groups_of, *single = zip(*readings, strict=True)
    words = np.fromiter(map(len, rows_of), dtype=np.int64, count=count)
    total = int(words.sum())
    rows = _flat(rows_of, total)
    owner = np.repeat(np.arange(count), words)
    kinds = lexicon.kinds[rows].astype(np.int64)
    kept = np.flatnonzero(kinds & SIGNIFICANT)
    whose = owner[kept]
    starts = np.searchsorted(whose, np.arange(count))
    place = np.arange(len(kept)) - starts[whose]
    inside = place < WINDOW
    kept, whose, place = kept[inside], whose[inside], place[inside]

    def windowed(values: Ints, empty: int) -> Ints:
        array = np.full((count, WINDOW), empty, dtype=np.int64)
        array[whose, place] = values[kept]
        return array

    asks, quoted, symbols, negations, passive, auxiliaries = (np.array(values, dtype=np.int64) for values in single)
    by_somebody: NDArray[np.bool_] = passive != 0
    return Side(
        owner,
        rows,
        lexicon.concept[rows],
        kinds,
        words,
        asks,
        quoted,
        symbols,
        negations,
        by_somebody,
        auxiliaries,
        windowed(rows, -1),
        windowed(_flat(roles_of, total), 0),
        windowed(_flat(phrases_of, total), 0),
        windowed(_flat(groups_of, total), 0),
    )


def _flat(lists: Sequence[Sequence[int]], total: int) -> Ints:
    return np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=total)
