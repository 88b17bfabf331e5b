"""What a method is, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Paths = Callable[[Floats, Sequence[int], int], Floats]
"""What was fitted: from values, origins and a horizon to one row per origin.

A row is what is expected of `values[origin:origin + horizon]` and depends on `values[:origin]` alone.
"""


@dataclass(frozen=True, slots=True)
class Seasons:
    """What is known of a series' seasons.

    Attributes:
        main: The length of the one that comes first; 1 where there is none.
        all: The lengths of all, ascending, without 1.
    """

    main: int
    all: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A way to forecast.

    Attributes:
        name: As reports call it.
        fit: Fits it to values.
        needs: The fewest values that it can be fitted to.
        handicap: By how much its errors count for more. What is too simple to be true must be clearly better.
    """

    name: str
    fit: Callable[[Floats, Seasons], Paths]
    needs: int = 2
    handicap: float = 1.0

    def needing(self, values: int) -> Method:
        """Return the method where it needs so many values at least."""
        return replace(self, needs=max(self.needs, values))


def windows(values: Floats, origins: Sequence[int], length: int) -> Floats:
    """Return the values before each origin, one row each."""
    return np.stack([values[origin - length : origin] for origin in origins])
