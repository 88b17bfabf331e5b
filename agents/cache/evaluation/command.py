"""`asahi evaluate cache`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from agents.cache.evaluation.files import FIRST, SECOND, labels_of, read_pairs
from agents.cache.evaluation.measuring import Measured, measure
from agents.cache.semantic.found import Found
from agents.cache.semantic.store import SHIPPED, load, save
from agents.cache.semantic.verifier import Verifier
from schemas.errors import ConfigurationError
from streams.cli.display import console, emit_json, side_console
from streams.csv_files import write_rows
from streams.embedding import EmbeddingEngine

log = logging.getLogger(__name__)

COLUMNS = ("row", "pair_probability", "hit", "matched_row", "similarity", "hit_probability")
DELTA = 0.02
DIGITS = 6
SEED = 3
LABEL = "same_meaning"

csv_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--pairs", type=csv_file, help=f"CSV with columns `{FIRST}` and `{SECOND}`, gzipped or not.")
@click.option("--output", type=csv_file, help="CSV to write.")
@click.option(
    "--delta",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=DELTA,
    show_default=True,
    help="Error bound: a hit may be wrong with this probability at most.",
)
@click.option("--fit", "labelled", type=csv_file, help="Fit a verifier from labelled pairs, into --model-dir.")
@click.option(
    "--label", default=LABEL, show_default=True, help="Column of --fit with 1 for the same meaning, else 0."
)
@click.option(
    "--model-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the fitted verifier. Default: the shipped one, which --fit never touches.",
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Of --fit.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def cache(
    pairs: Path | None,
    output: Path | None,
    delta: float,
    labelled: Path | None,
    label: str,
    model_dir: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure the semantic cache on pairs of questions, or fit its verifier from labelled ones.

    Every question_a is inserted, then every question_b is looked up among all of them. Columns written: row, from 0;
    pair_probability, that the row's own two questions may share an answer; hit, 1 or 0; matched_row, similarity and
    hit_probability of the likeliest entry found, hit or not. No label is read for this.
    """
    if labelled is None and pairs is None:
        raise ConfigurationError("name a file with --pairs to measure, or with --fit to fit")
    if (pairs is None) != (output is None):
        raise ConfigurationError("--pairs and --output belong together; give both")
    engine = EmbeddingEngine()
    report: dict[str, object] = {}
    if labelled is not None:
        report["fitted"] = _fit(labelled, label, model_dir, seed, engine)
    if pairs is not None and output is not None:
        verifier = Verifier(load(model_dir or SHIPPED, engine.name), engine)
        rows = read_pairs("--pairs", pairs)
        measured = measure([row[FIRST] for row in rows], [row[SECOND] for row in rows], verifier, engine, delta)
        write_rows(output, COLUMNS, _lines(measured))
        report["measured"] = _summary(measured, delta)
    if as_json:
        emit_json(report)
        return
    _show(report, output, model_dir)


def _fit(file: Path, label: str, model_dir: Path | None, seed: int, engine: EmbeddingEngine) -> dict[str, object]:
    if model_dir is None:
        raise ConfigurationError("--fit: --model-dir is missing; name the folder that the fitted verifier goes to")
    rows = read_pairs("--fit", file)
    same = labels_of("--fit", file, rows, label)
    from agents.cache.semantic.fitting import fit_labelled  # scikit-learn takes a second to import

    side_console().print(f"fitting on {len(rows):,} pairs", soft_wrap=True)
    judgement, measured = fit_labelled(
        [row[FIRST] for row in rows], [row[SECOND] for row in rows], same, engine, seed
    )
    save(judgement, model_dir, measured)
    log.info("fitted the verifier", extra={"pairs": len(rows)})
    return dict(measured)


def _lines(measured: Measured) -> list[Sequence[object]]:
    def line(row: int, pair: float, found: Found | None) -> Sequence[object]:
        if found is None:
            return (row, f"{pair:.{DIGITS}f}", 0, "", "", "")
        return (
            row,
            f"{pair:.{DIGITS}f}",
            int(found.hit),
            found.key,
            f"{found.similarity:.{DIGITS}f}",
            f"{found.probability:.{DIGITS}f}",
        )

    chances = measured.pair_probability.tolist()
    return [line(row, pair, found) for row, (pair, found) in enumerate(zip(chances, measured.found, strict=True))]


def _summary(measured: Measured, delta: float) -> dict[str, object]:
    hits = [found for found in measured.found if found is not None and found.hit]
    return {
        "pairs": len(measured.found),
        "delta": delta,
        "hits": len(hits),
        "own": sum(found is not None and found.hit and found.key == str(row) for row, found in _rows(measured)),
        "expected_error": float(np.mean([1 - found.probability for found in hits])) if hits else None,
    }


def _rows(measured: Measured) -> list[tuple[int, Found | None]]:
    return list(enumerate(measured.found))


def _show(report: dict[str, object], output: Path | None, model_dir: Path | None) -> None:
    out = console()
    fitted, measured = report.get("fitted"), report.get("measured")
    if isinstance(fitted, dict):
        out.print(
            f"fitted on {fitted['pairs']:,} pairs; measured on pairs left out of the fit: area under the ROC curve "
            f"{fitted['area']:.4f}, calibration error {fitted['calibration_error']:.4f}; written to {model_dir}",
            soft_wrap=True,
        )
    if isinstance(measured, dict):
        expected = measured["expected_error"]
        error = "" if expected is None else f", expected error {expected:.2%}"
        out.print(
            f"looked up {measured['pairs']:,} questions among as many at a bound of {measured['delta']:.1%}: "
            f"{measured['hits']:,} hits, {measured['own']:,} of them with the question of their own row{error}; "
            f"written to {output}",
            soft_wrap=True,
        )
