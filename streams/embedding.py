"""Prompts as vectors: sentence embeddings that need neither a network nor an accelerator."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from streams.words import cut_long, ends_of, split_words

Vectors = NDArray[np.float32]

REMEMBERED_WORDS = 1 << 16
"""64 MB when all are used."""
WORDS_PER_CALL = 64
"""New words are joined to texts of so many: one call per word costs four times as much."""
WORD_START = "▁"


class Embedder(Protocol):
    """Turns texts into vectors.

    Attributes:
        name: Of the embedding; vectors of different names do not compare.
        dimensions: Length of a vector.
    """

    @property
    def name(self) -> str:
        """Of the embedding."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of unit length per text, of shape (texts, dimensions); zeros for an empty text."""
        ...


class EmbeddingEngine:
    """The mean of the embeddings of a text's tokens, as `wordllama` ships them in its package.

    A text is cut into words in small letters. The sum of the vectors of a word's tokens is
    remembered, so a text costs one look-up per word instead of its tokens. Against tokens of the raw text this also
    sorts exam questions by subject a little better, since line breaks and marks no longer change a word's tokens.
    Not for two threads at once.

    Args:
        remembered_words: Words whose vectors are kept, a kilobyte each; beyond that the memory begins anew.
    """

    name = "wordllama-l2-supercat-256-words"
    dimensions = 256

    def __init__(self, remembered_words: int = REMEMBERED_WORDS) -> None:
        model = _load()
        model.tokenizer.no_padding()
        self._tokenizer = model.tokenizer
        self._tokens = np.asarray(model.embedding, dtype=np.float32)
        pieces = sorted(model.tokenizer.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1])
        self._starts = np.array([piece.startswith(WORD_START) for piece, _ in pieces])
        self._rows: dict[str, int] = {}
        self._remembered = remembered_words
        self._words = np.zeros((remembered_words, self.dimensions), dtype=np.float32)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of unit length per text; zeros for a text without words."""
        return unit(self.sums(texts))

    def sums(self, texts: Sequence[str]) -> Vectors:
        """Return the sum of the vectors of each text's words: the longer, the more it says."""
        split = [split_words(ends_of(text)) for text in texts]
        found = list(map(self._rows.get, chain.from_iterable(split)))
        if None in found:
            split = [cut_long(words) for words in split]  # nothing long is ever found, so it is looked for here only
            words = list(chain.from_iterable(split))
            self._learn(words)
            found = list(map(self._rows.get, words))
        rows = np.array(found, dtype=np.int32)
        ends = np.cumsum([0, *map(len, split)], dtype=np.int32)
        counts = csr_array((np.ones(len(rows), np.float32), rows, ends), shape=(len(texts), len(self._words)))
        return cast("Vectors", counts @ self._words)

    def _learn(self, words: Sequence[str]) -> None:
        """Give every word a row. Where the memory is full it begins anew; one batch may exceed it."""
        missing = sorted(set(words).difference(self._rows))
        if len(self._rows) + len(missing) > len(self._words):
            self._rows.clear()
            missing = sorted(set(words))
            self._words = np.zeros((max(self._remembered, len(missing)), self.dimensions), dtype=np.float32)
        chunks = [missing[start : start + WORDS_PER_CALL] for start in range(0, len(missing), WORDS_PER_CALL)]
        encodings = self._tokenizer.encode_batch_fast([" ".join(chunk) for chunk in chunks], add_special_tokens=False)
        for chunk, encoding in zip(chunks, encodings, strict=True):
            ids = np.array(encoding.ids, dtype=np.int64)
            starts = np.flatnonzero(self._starts[ids])
            first = len(self._rows)
            if len(starts) == len(chunk):
                self._words[first : first + len(chunk)] = np.add.reduceat(self._tokens[ids], starts, axis=0)
            else:  # a word holds the tokenizer's own mark of a blank
                self._words[first : first + len(chunk)] = [self._sum(word) for word in chunk]
            self._rows.update(zip(chunk, range(first, first + len(chunk)), strict=True))

    def _sum(self, word: str) -> Vectors:
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        return cast("Vectors", self._tokens[ids].sum(axis=0))


def _load() -> Any:
    """Load the model from its package. Its import sets up logging for the whole process: that is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        import wordllama
    finally:
        root.handlers[:], root.level = handlers, level
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


def unit(vectors: Vectors) -> Vectors:
    """Return the vectors scaled to length 1; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return cast("Vectors", vectors / np.where(lengths == 0, np.float32(1), lengths))
