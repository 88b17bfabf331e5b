"""The error of semantic hits along a drifting stream, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure

SIZE = (10, 5)
EVERY = 10
"""Hits from one point to the next."""
GREY, LIGHT = "#555555", "#dddddd"


class Hits(Protocol):
    """Hits by their places in the stream, and whether each was wrong."""

    places: list[int]
    wrong: list[bool]


def draw(by_name: Mapping[str, Hits], lengths: Mapping[str, int], window: int, delta: float, file: Path) -> None:
    """Write a line per way of deciding: of the last hits at each place, how many were wrong.

    Args:
        by_name: Hits by what decided about them; dotted where the name begins with "fixed".
        lengths: Of the stretches of the stream.
        window: Hits looked back at.
        delta: The bound.
        file: Its ending says the format.
    """
    picture = Figure(figsize=SIZE, layout="constrained")
    axes = picture.subplots()
    for name, hits in by_name.items():
        line = ":" if name.startswith("fixed") else "-"
        places, share = hits.places[window - 1 :: EVERY], shares(hits.wrong, window)[::EVERY]
        axes.plot(places, share, line, linewidth=1.2, label=name)
    axes.axhline(100 * delta, color=GREY, linewidth=0.8, linestyle="--")
    start = 0
    for name, length in lengths.items():
        axes.axvline(start, color=LIGHT, linewidth=0.8)
        axes.text(start + length / 2, 0.99, name, ha="center", va="top", transform=axes.get_xaxis_transform())
        start += length
    axes.set_xlim(0, start)
    axes.set_ylim(0)
    axes.set_xlabel("requests")
    axes.set_ylabel(f"wrong of the last {window} hits, %")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0.01, 0.93))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    picture.savefig(file)


def shares(wrong: Sequence[bool], window: int) -> list[float]:
    """Return the percentage that was wrong, of each hit and those before it in its window."""
    counted = np.cumsum([0, *wrong])
    return [float(share) for share in 100 * (counted[window:] - counted[:-window]) / window]
