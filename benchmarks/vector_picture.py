"""How the figures of the vector engines grow with their size, as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from benchmarks.vector_engine import Figures

COLOURS = {"ivf": "#2166ac", "annoy": "#b2182b", "exact float32": "#8a8a8a"}
DPI = 150
SIZE = (13.5, 7.6)
COLUMNS = 3


class Panel(NamedTuple):
    """One figure over the sizes.

    Attributes:
        title: With the unit.
        value: Takes it from an engine's figures; raises KeyError or TypeError where there is none.
        target: What was asked for.
        logarithmic: Whether the figure is drawn so.
    """

    title: str
    value: Callable[[Figures], float]
    target: float
    logarithmic: bool = True


def _worst_single(figures: Figures) -> float:
    inserting = figures["single_while_inserting"]
    merging = [inserting["while_merging"], figures.get("single_while_all_merges")]
    return float(max(one["cpu_p99_us"] for one in (inserting, *merging) if one)) / 1_000


PANELS = (
    Panel("recall@1, neighbours of cosine ≥ 0.9", lambda f: float(f["recall_acceptable"]), 0.98, False),
    Panel("look-ups per CPU second, in batches", lambda f: float(f["batch_per_cpu_second"]), 5_000),
    Panel("single look-up, p99, CPU ms", lambda f: float(f["single"]["cpu_p99_us"]) / 1_000, 2),
    Panel("the same while entries come and merge", _worst_single, 2),
    Panel("inserts per CPU second, merges included", lambda f: float(f["inserts_per_cpu_second"]), 2_000),
    Panel("bytes per entry with key, resident", lambda f: float(f["bytes_per_entry"]), 1_200, False),
)


def draw(figures: Mapping[str, Mapping[str, Figures]], file: Path) -> None:
    """Write a panel per figure to an image file; its ending says the format."""
    picture = Figure(figsize=SIZE, layout="constrained")
    for axes, panel in zip(picture.subplots(-(-len(PANELS) // COLUMNS), COLUMNS).flat, PANELS, strict=True):
        _panel(axes, panel, figures)
    picture.savefig(file, dpi=DPI)


def _panel(axes: Any, panel: Panel, figures: Mapping[str, Mapping[str, Figures]]) -> None:
    for engine, by_size in figures.items():
        points = []
        for size, measured in sorted(by_size.items(), key=lambda item: int(item[0])):
            try:
                points.append((int(size), panel.value(measured)))
            except (KeyError, TypeError):
                continue  # this engine has no such figure
        if points:
            dashed = "--" if engine not in ("ivf", "annoy") else "-"
            axes.plot(*zip(*points, strict=True), dashed, marker="o", color=COLOURS.get(engine), label=engine)
    axes.axhline(panel.target, color="#555555", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    if panel.logarithmic:
        axes.set_yscale("log")
    axes.set_title(f"{panel.title}; asked for: {panel.target:,}", fontsize=10)
    axes.set_xlabel("entries")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(fontsize=9)
