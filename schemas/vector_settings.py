"""How similar questions are found: the section `vectors` of the configuration."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.section import Count, Section


class VectorEngine(StrEnum):
    """What finds the nearest of many embeddings."""

    IVF = "ivf"  # cells around centres, always up to date
    ANNOY = "annoy"  # trees, built in the background


class VectorSettings(Section):
    """How similar questions are found.

    Attributes:
        engine: `ivf` looks through the cells whose centres are nearest; `annoy` asks trees that are built in the
            background. docs/adr/0018-vector-index.md compares them.
        ivf_probes: Cells that `ivf` looks through per look-up; more find more and take longer.
        annoy_trees: Of each index of `annoy`; more find more and take more memory.
        annoy_prefix: Numbers of an embedding that `annoy` finds candidates with; the whole ranks them.
        annoy_search: Entries that `annoy` goes through in an index of 100,000; it grows with the square root.
        annoy_tail: Newest entries that `annoy` looks through one by one before they get an index.
        annoy_seed: Of the planes by which the trees divide.
    """

    engine: VectorEngine = VectorEngine.IVF
    ivf_probes: Count = 20
    annoy_trees: Count = 10
    annoy_prefix: Count = 32
    annoy_search: Count = 500
    annoy_tail: Count = 2_048
    annoy_seed: Annotated[int, Field(ge=0, lt=1 << 32)] = 1
