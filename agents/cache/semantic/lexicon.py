"""Words by number, so that what is known of them is looked up for a whole batch at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.knowledge import Kind, Knowledge, Meaning, number_concept

REMEMBERED = 1 << 16
"""Words known at a time: some 30 MB."""
DIMENSIONS = 64
"""Of a word's vector: a prefix, since the embeddings are Matryoshka."""
FIRST_ROWS = 1 << 12

Vectors = NDArray[np.float32]


class Lexicon:
    """What is known of each word met so far, one row per word.

    Not for two threads at once. Rows are good for the batch that asked for them.

    Args:
        knowledge: Of words.
        vectors: Returns one vector per word, not scaled, at least 64 long.
        remembered: Words known at a time; beyond that the memory begins anew with the next batch.
    """

    def __init__(
        self, knowledge: Knowledge, vectors: Callable[[Sequence[str]], Vectors], remembered: int = REMEMBERED
    ) -> None:
        self.knowledge = knowledge
        self.asks = knowledge.asks
        self.phrasing = knowledge.phrasing
        self._vectors_of = vectors
        self._remembered = remembered
        self._forget()

    def _forget(self) -> None:
        self.rows: dict[str, int] = {}
        self.meanings: list[Meaning] = []
        self.flags: list[int] = []
        self.roles: list[int] = []
        self._concepts: dict[str, int] = {}
        self._numbers = count()
        self._waiting: list[str] = []
        self._filled = 0
        self.concept = np.zeros(FIRST_ROWS, dtype=np.int64)
        self.kinds = np.zeros(FIRST_ROWS, dtype=np.int32)
        self.axis = np.zeros(FIRST_ROWS, dtype=np.int32)
        self.sign = np.zeros(FIRST_ROWS, dtype=np.int32)
        self.spoken = np.zeros(FIRST_ROWS, dtype=np.int32)
        self.vectors = np.zeros((FIRST_ROWS, DIMENSIONS), dtype=np.float32)
        self.lengths = np.zeros(FIRST_ROWS, dtype=np.float32)

    def begin(self) -> None:
        """Begin a batch: rows given before may be gone."""
        if len(self.rows) > self._remembered:
            self._forget()

    def row(self, word: str) -> int:
        """Return the row of a word, which may be new."""
        found = self.rows.get(word)
        return self._add(word, self.knowledge.meaning(word)) if found is None else found

    def scaled(self, number: int, scale: str) -> int:
        """Return the row of a number times a word such as `million`."""
        value = self.meanings[number].value * self.knowledge.scales[scale.lower()]
        word = number_concept(value)
        found = self.rows.get(word)
        return self._add(word, Meaning(word, Kind.NUMBER, value=value)) if found is None else found

    def learned(self) -> None:
        """Fill in the rows of the words that are new since; before any array is read."""
        if not self._waiting:
            return
        self._grow(len(self.rows))
        new = slice(self._filled, len(self.rows))
        meanings = self.meanings[new]
        numbers = [self._concepts.setdefault(meaning.concept, len(self._concepts)) for meaning in meanings]
        self.concept[new] = numbers
        self.kinds[new] = [int(meaning.kinds) for meaning in meanings]
        self.axis[new] = [meaning.axis for meaning in meanings]
        self.sign[new] = [meaning.sign for meaning in meanings]
        self.spoken[new] = [meaning.spoken for meaning in meanings]
        vectors = self._vectors_of([word.lower() for word in self._waiting])
        lengths = np.linalg.norm(vectors, axis=1)
        self.lengths[new] = lengths
        prefix = vectors[:, :DIMENSIONS]
        scale = np.linalg.norm(prefix, axis=1, keepdims=True)
        self.vectors[new] = prefix / np.where(scale > 0, scale, 1)
        self._waiting = []
        self._filled = len(self.rows)

    def _add(self, word: str, meaning: Meaning) -> int:
        number = self.rows[word] = len(self.rows)
        self.meanings.append(meaning)
        self.flags.append(int(meaning.kinds))  # a flag of an enumeration takes ten times as long to test
        self.roles.append(meaning.role)
        self._waiting.append(word)
        return number

    def _grow(self, wanted: int) -> None:
        size = len(self.concept)
        if wanted <= size:
            return
        more = max(wanted, 2 * size) - size
        for name in ("concept", "kinds", "axis", "sign", "spoken", "vectors", "lengths"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros((more, *array.shape[1:]), array.dtype)]))
