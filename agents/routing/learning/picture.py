"""The cost-quality frontier as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agents.routing.learning.experiment import Report
from agents.routing.learning.frontier import TARGET
from schemas.errors import ConfigurationError

COLOURS = {
    "random": "#8a8a8a",
    "neighbours": "#c28f2c",
    "predictor": "#2166ac",
    "cascade": "#b2182b",
    "oracle": "#3f7f3f",
}
DASHED = frozenset({"random", "oracle"})
WIDTH = 7.2
HEIGHT = 5.4
DPI = 150
ROOM = 0.04


def draw(reports: Sequence[Report], file: Path) -> None:
    """Write one panel per report to an image file; its ending says the format.

    Raises:
        ConfigurationError: The format is unknown, or the file cannot be written.
    """
    from matplotlib.figure import Figure  # slow to import, and only pictures need it

    figure = Figure(figsize=(WIDTH * len(reports), HEIGHT), layout="constrained")
    for axes, report in zip(figure.subplots(1, len(reports), squeeze=False)[0], reports, strict=True):
        _panel(axes, report)
    try:
        figure.savefig(file, dpi=DPI)
    except (OSError, ValueError) as wrong:
        raise ConfigurationError(f"--plot {file}: {wrong}; name a .png, .svg or .pdf that can be written") from wrong


def _panel(axes, report: Report) -> None:  # type: ignore[no-untyped-def]  # matplotlib is imported when drawn
    percents = np.arange(101)
    wanted = 100 * TARGET * report.strong_quality
    for name, measured in report.measured.items():
        colour = COLOURS[name]
        label = f"{name}: {100 * measured.figures.share95:.0f} %"
        axes.plot(
            percents,
            100 * measured.quality,
            color=colour,
            linewidth=1.4 if name in DASHED else 2.2,
            linestyle="--" if name in DASHED else "-",
            label=label,
        )
        if name not in DASHED and name != "neighbours":
            axes.fill_between(
                percents,
                100 * measured.quality_low,
                100 * measured.quality_high,
                color=colour,
                alpha=0.12,
                linewidth=0,
            )
        axes.plot([100 * measured.figures.share95], [wanted], marker="o", markersize=5, color=colour)
    axes.axhline(wanted, color="#555555", linewidth=0.8, linestyle=":")
    axes.annotate(
        f"95 % of\n{report.strong}:\n{wanted:.1f} %",
        (100, wanted),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color="#555555",
        annotation_clip=False,
    )
    low = min(float(measured.quality.min()) for measured in report.measured.values())
    high = max(float(measured.quality.max()) for measured in report.measured.values())
    room = ROOM * (high - low)
    axes.set_xlim(0, 100)
    axes.set_ylim(100 * (low - room), 100 * (high + room))
    axes.set_xlabel(f"calls of {report.strong}, % of prompts")
    axes.set_ylabel("right answers, % of prompts")
    axes.set_title(
        f"{report.name.partition('.')[0]}: {report.weak} or {report.strong}, {report.prompts:,} prompts not fitted on"
    )
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(title="rule: calls needed for 95 %", loc="lower right", frameon=True, framealpha=0.95, fontsize=9)
