"""A pair of questions as numbers: what they share, what only one has, and how it is arranged."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from agents.cache.semantic import alignment, overlap
from agents.cache.semantic.batch import Floats, side_of
from agents.cache.semantic.lexicon import Lexicon
from agents.cache.semantic.reading import Reading, read

FEATURES = ("similarity", *overlap.NAMES, *alignment.NAMES)

FALLING = frozenset(
    {
        "number_replaced",
        "unit_replaced",
        "date_replaced",
        "language_replaced",
        "crossed",
        "roles_swapped",
        "roles_opposed",
        "passive_crossed",
        "opposed",
        "negations_differ",
        "quoted_differs",
        "symbols_differ",
    }
)
"""Features of which more never make a pair more probable, whatever the data say."""


def features(firsts: Sequence[str], seconds: Sequence[str], similarity: Floats, lexicon: Lexicon) -> Floats:
    """Return the features of each pair, of shape (pairs, len(FEATURES)); the same whichever side is first."""
    if not firsts:
        return np.zeros((0, len(FEATURES)), dtype=np.float32)
    lexicon.begin()
    ordered = [(one, two) if one <= two else (two, one) for one, two in zip(firsts, seconds, strict=True)]
    readings: dict[str, Reading] = {}
    for text in chain.from_iterable(ordered):
        if text not in readings:
            readings[text] = read(text, lexicon)
    lexicon.learned()
    first = side_of([readings[one] for one, _ in ordered], lexicon)
    second = side_of([readings[two] for _, two in ordered], lexicon)
    return np.hstack(
        [
            np.asarray(similarity, dtype=np.float32)[:, None],
            overlap.overlap(first, second, lexicon),
            alignment.alignment(first, second, lexicon),
        ]
    )
