"""What one request brings along besides its constraints: its length, and what is known of it and of no other."""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN = -1
"""Stands for a quality that the predictor does not know, so that the registry's counts."""


class Prospect(NamedTuple):
    """What the choice depends on besides the constraints. A tuple, so that it hashes fast.

    Attributes:
        input_tokens: Estimated length of the input.
        qualities: Predicted quality in millionths per model, in the order of the registry, `UNKNOWN` where the
            predictor knows nothing; None without a predictor.
        warm: For each model whose provider has the input's beginning cached, its name and how many tokens.
        marked: Tokens of the beginning that the call tells providers to cache; those which charge for it write what
            they do not have.
    """

    input_tokens: int
    qualities: tuple[int, ...] | None = None
    warm: tuple[tuple[str, int], ...] = ()
    marked: int = 0
