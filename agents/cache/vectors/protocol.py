"""What a vector database does for the semantic cache; an engine is one file beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""One embedding per row, each of length 1."""


class Neighbour(NamedTuple):
    """An entry near a query.

    Attributes:
        key: Of the entry.
        similarity: Cosine of the angle between them.
    """

    key: str
    similarity: float


class VectorDatabase(Protocol):
    """Embeddings by key. Not for several threads at once, except where an engine says so."""

    def __len__(self) -> int:
        """Return the number of entries."""
        ...

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Put entries in, one per row; an entry whose key is there already takes its place."""
        ...

    def remove(self, keys: Sequence[str]) -> None:
        """Take entries out; keys that are not there are ignored. They are never found again."""
        ...

    def nearest(self, queries: Vectors, count: int) -> list[list[Neighbour]]:
        """Return for each row the nearest entries, the most similar first; fewer where there are fewer."""
        ...
