"""Entries on their way into an engine."""

from __future__ import annotations

from collections.abc import Sequence

from agents.cache.vectors.fixed_point import Rows, to_fixed
from agents.cache.vectors.protocol import Vectors


def distinct(keys: Sequence[str], vectors: Vectors) -> tuple[list[str], Rows]:
    """Return each key once, with the last of its vectors as fixed point.

    Raises:
        ValueError: There are more keys than vectors, or fewer.
    """
    if len(keys) != len(vectors):
        raise ValueError(f"{len(keys)} keys for {len(vectors)} vectors")
    last = {key: row for row, key in enumerate(keys)}
    return list(last), to_fixed(vectors if len(last) == len(keys) else vectors[list(last.values())])
