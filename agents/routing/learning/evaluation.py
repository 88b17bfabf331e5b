"""`asahi evaluate routing`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from agents.routing.learning.experiment import Measurement, Report, report
from agents.routing.learning.frontier import Measured
from agents.routing.learning.learned import Learned
from agents.routing.learning.outcomes import Outcomes, held_out, joined, prompt_keys, read_file, strongest, weakest
from agents.routing.learning.picture import draw
from agents.routing.learning.store import load
from streams.cli.display import console, emit_json, plain_table, side_console
from streams.embedding import EmbeddingEngine

SEED = 3
RESAMPLES = 1000
STEP = 10
FIGURES = {"AIQ": "aiq", "CPT(50 %)": "cpt50", "CPT(80 %)": "cpt80", "strong calls for 95 %": "share95"}

csv_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--outcomes", "files", type=csv_file, multiple=True, required=True, help="CSV as for router fit.")
@click.argument("more", type=csv_file, nargs=-1, metavar="[FILE]...")
@click.option("--model-dir", type=click.Path(path_type=Path, file_okay=False), help="Measure what is fitted there.")
@click.option("--weak", metavar="MODEL", help="Default: the model least often right.")
@click.option("--strong", metavar="MODEL", help="Default: the model most often right.")
@click.option(
    "--resamples", type=click.IntRange(min=10), default=RESAMPLES, show_default=True, help="Of the bootstrap."
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Of folds, clusters and bootstrap.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write the frontier as a picture.")
@click.option("--json", "as_json", is_flag=True, help="For programs; frontiers at every percent.")
def routing(
    files: tuple[Path, ...],
    more: tuple[Path, ...],
    model_dir: Path | None,
    weak: str | None,
    strong: str | None,
    resamples: int,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Show cost against quality on recorded outcomes: how many strong calls buy how many right answers.

    The prompts are split by a hash: one half is fitted on, the other measured. With --model-dir nothing is fitted,
    and all prompts are measured but those that the folder was fitted on. Each file is measured by itself.
    Brackets hold 95 % confidence intervals.
    """
    paths = [*files, *more]
    read = {path.name: read_file(path) for path in paths}
    every = joined(list(read.values()))
    from agents.routing.learning.fitting import fit_router  # scikit-learn takes a second to import

    how = Measurement(weak or weakest(every), strong or strongest(every), resamples, seed)
    embedder = EmbeddingEngine()
    if model_dir is None:
        fit = every.rows(~held_out(every.prompts))
        side_console().print(f"fitting on {len(fit.prompts):,} of {len(every.prompts):,} prompts", soft_wrap=True)
        learned = fit_router(fit, embedder, seed, how.weak)
    else:
        learned = load(model_dir)
    reports = [
        report(name, *_split(outcomes, learned, model_dir is None), learned, embedder, how)
        for name, outcomes in read.items()
    ]
    if plot is not None:
        draw(reports, plot)
    if as_json:
        emit_json([document(each) for each in reports])
        return
    for each in reports:
        show(each)
    if plot is not None:
        side_console().print(f"picture written to {plot}", soft_wrap=True)


def _split(outcomes: Outcomes, learned: Learned, halves: bool) -> tuple[Outcomes, Outcomes | None]:
    """Return what to measure on, and what the nearest neighbours may know."""
    if halves:
        test = held_out(outcomes.prompts)
        return outcomes.rows(test), outcomes.rows(~test)
    return outcomes.rows(~np.isin(prompt_keys(outcomes.prompts), learned.fitted_on)), None


def show(found: Report) -> None:
    """Print the figures and the frontier of one file."""
    console().print(
        f"\n[bold]{found.name}[/]: {found.prompts:,} prompts not fitted on; right answers: "
        f"{found.weak} {found.weak_quality:.1%}, {found.strong} {found.strong_quality:.1%}",
        soft_wrap=True,
    )
    table = plain_table("rule", *FIGURES, "looks at", right=tuple(FIGURES))
    for name, measured in found.measured.items():
        table.add_row(name, *(_figure(measured, figure) for figure in FIGURES.values()), found.rules[name])
    console().print(table)
    console().print(f"\nright answers by share of {found.strong} calls", soft_wrap=True)
    frontier = plain_table("calls", *found.measured, right=("calls", *found.measured))
    for percent in range(0, 101, STEP):
        cells = [
            f"{m.quality[percent]:.1%} [{m.quality_low[percent]:.1%} {m.quality_high[percent]:.1%}]".replace("%", "")
            for m in found.measured.values()
        ]
        frontier.add_row(f"{percent} %", *(cell.replace("[", r"\[") for cell in cells))
    console().print(frontier)
    console().print("\nhow far the predictions can be trusted", soft_wrap=True)
    trust = plain_table("model", "Brier score", "of a constant", "calibration error", right=TRUST)
    for model, each in found.calibration.items():
        constant = each.base_rate * (1 - each.base_rate)
        trust.add_row(model, f"{each.brier:.4f}", f"{constant:.4f}", f"{each.error:.3f}")
    console().print(trust)


TRUST = ("Brier score", "of a constant", "calibration error")


def _figure(measured: Measured, name: str) -> str:
    at, low, high = (getattr(part, name) for part in (measured.figures, measured.low, measured.high))
    if name == "aiq":
        return rf"{at:.3f} \[{low:.3f} {high:.3f}]"
    return rf"{100 * at:.1f} % \[{100 * low:.1f} {100 * high:.1f}]"


def document(found: Report) -> dict[str, object]:
    """Return one report for programs."""
    return {
        "file": found.name,
        "weak": found.weak,
        "strong": found.strong,
        "prompts": found.prompts,
        "weak_quality": found.weak_quality,
        "strong_quality": found.strong_quality,
        "rules": {name: {"looks_at": found.rules[name], **_rule(each)} for name, each in found.measured.items()},
        "calibration": {model: asdict(each) for model, each in found.calibration.items()},
    }


def _rule(measured: Measured) -> dict[str, object]:
    low, high = asdict(measured.low), asdict(measured.high)
    return {
        **{
            name: {"value": value, "low": low[name], "high": high[name]}
            for name, value in asdict(measured.figures).items()
        },
        "frontier": {
            "quality": measured.quality.tolist(),
            "low": measured.quality_low.tolist(),
            "high": measured.quality_high.tolist(),
        },
    }
