"""`asahi router fit|score`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from agents.routing.cascade.scorer import AnswerScorer
from agents.routing.learning.learned import Learned
from agents.routing.learning.outcomes import ANSWER, PROMPT, read_outcomes, read_table
from agents.routing.learning.scoring import score as scored
from agents.routing.learning.store import load, save
from schemas.errors import ConfigurationError
from streams.cli.display import console, emit_json, plain_table, side_console
from streams.csv_files import write_rows
from streams.embedding import EmbeddingEngine

log = logging.getLogger(__name__)

SEED = 3
DIGITS = 6
NAME_HELP = "What the models file calls a model of the outcomes, such as gpt4=gpt-4; more than once for several."
OUTCOMES_HELP = "CSV with a column `prompt` and columns `<model>_correct`; more than once for several files."

csv_file = click.Path(path_type=Path, dir_okay=False)
folder = click.Path(path_type=Path, file_okay=False)


@click.group()
def router() -> None:
    """Learn from graded outcomes which model answers what right."""


@router.command()
@click.option("--outcomes", "files", type=csv_file, multiple=True, required=True, help=OUTCOMES_HELP)
@click.argument("more", type=csv_file, nargs=-1, metavar="[FILE]...")
@click.option("--model-dir", type=folder, required=True, help="Folder for what is learned; made if missing.")
@click.option("--cheap", metavar="MODEL", help="Whose answers a cascade checks. Default: the one least often right.")
@click.option("--name", "names", multiple=True, metavar="MODEL=NAME", help=NAME_HELP)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Of folds and clusters.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def fit(
    files: tuple[Path, ...],
    more: tuple[Path, ...],
    model_dir: Path,
    cheap: str | None,
    names: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """Fit the predictor of quality, and the scorer of answers where `<model>_answer` columns are given.

    Files may differ in their columns. A column `subject` helps to learn; it is not needed to predict. Takes about a
    minute for 8,000 prompts.
    """
    from agents.routing.learning.fitting import fit_router  # scikit-learn takes a second to import

    outcomes = read_outcomes([*files, *more])
    called = names_of(names, outcomes.models)
    side_console().print(f"fitting on {len(outcomes.prompts):,} prompts and {len(outcomes.models)} models")
    learned = replace(fit_router(outcomes, EmbeddingEngine(), seed, cheap), names=called)
    save(learned, model_dir)
    log.info("fitted the router", extra={"prompts": len(outcomes.prompts), "models": outcomes.models})
    if as_json:
        emit_json(_document(learned, model_dir))
        return
    table = plain_table("model", "graded", "right", "Brier score", "of a constant", "calibration error", right=RIGHT)
    for model, found in learned.calibration.items():
        constant = found.base_rate * (1 - found.base_rate)
        table.add_row(
            model,
            f"{found.graded:,}",
            f"{found.base_rate:.1%}",
            f"{found.brier:.4f}",
            f"{constant:.4f}",
            f"{found.error:.3f}",
        )
    console().print(table)
    cascade = "no answers, so no cascade" if learned.scorer is None else f"cascade checks {learned.scorer.model}"
    console().print(f"\nmeasured on prompts left out of the fit; {cascade}; written to {model_dir}", soft_wrap=True)


def names_of(given: Sequence[str], models: Sequence[str]) -> dict[str, str]:
    """Return the models file's name by the outcomes' name, from `MODEL=NAME` each.

    Raises:
        ConfigurationError: One is not of that form, no such model has outcomes, or two models get one name.
    """
    names = {}
    for one in given:
        model, equals, name = one.partition("=")
        if not equals or not model or not name:
            raise ConfigurationError(f"--name {one!r} is not of the form MODEL=NAME, such as gpt4=gpt-4")
        if model not in models:
            raise ConfigurationError(f"--name {one!r}: {model!r} has no outcomes; name one of {', '.join(models)}")
        names[model] = name
    (name, count), *_ = Counter(names.get(model, model) for model in models).most_common(1)
    if count > 1:
        raise ConfigurationError(f"--name: {count} models would be called {name!r}; give each a name of its own")
    return names


RIGHT = ("graded", "right", "Brier score", "of a constant", "calibration error")


@router.command()
@click.option("--prompts", "file", type=csv_file, required=True, help="CSV with a column `prompt`.")
@click.option("--model-dir", type=folder, required=True, help="Folder that `asahi router fit` has written.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="CSV to write.")
@click.option("--prompt-only", is_flag=True, help="Look at no answer, even where the file has some.")
def score(file: Path, model_dir: Path, output: Path, prompt_only: bool) -> None:
    """Write each model's probability of a right answer for every prompt.

    Columns: `row`, from 0, then one per model. Where the file has answers of the model that the cascade checks, that
    model's probability is the one after reading its answer; with --prompt-only, and for all other models, it is the
    one from the prompt. Columns that grade are not read.
    """
    learned = load(model_dir)
    rows = read_table(file)
    scorer = None if prompt_only else learned.scorer
    answers = _answers(rows, scorer)
    prompts = [row[PROMPT] for row in rows]
    probability = scored(learned.predictor(EmbeddingEngine()), scorer, prompts, answers)
    lines = (
        [number, *(f"{value:.{DIGITS}f}" for value in values)] for number, values in enumerate(probability.tolist())
    )
    write_rows(output, ["row", *learned.knowledge.models], lines)
    read = sum(answer is not None for answer in answers)
    seen = f", {read:,} of them with an answer of {scorer.model}" if scorer and read else ""
    side_console().print(f"scored {len(rows):,} prompts{seen}", soft_wrap=True)


def _answers(rows: list[dict[str, str]], scorer: AnswerScorer | None) -> list[str | None]:
    return [row.get(f"{scorer.model}{ANSWER}") or None if scorer else None for row in rows]


def _document(learned: Learned, model_dir: Path) -> dict[str, object]:
    return {
        "model_dir": str(model_dir),
        "prompts": len(learned.fitted_on),
        "cascade": None if learned.scorer is None else learned.scorer.model,
        "names": dict(learned.names),
        "models": {
            model: {"graded": found.graded, "right": found.base_rate, "brier": found.brier, "error": found.error}
            for model, found in learned.calibration.items()
        },
    }
