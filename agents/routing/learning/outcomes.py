"""Graded outcomes from files: which model answered which prompt right, and with what answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from streams.csv_files import read_rows

PROMPT = "prompt"
TOPIC = "subject"
RIGHT = "_correct"
ANSWER = "_answer"
KEY_BYTES = 8
GRADES = {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0, "": float("nan")}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Prompts with what is known of each model's answer.

    Attributes:
        prompts: What was asked.
        models: By the names that stand before `_correct` in the files.
        right: 1 where the model's answer was right, 0 where wrong, NaN where not graded; of shape (prompts, models).
        answers: Each model's answers by its name, None where there is none or it is empty; as many as prompts.
        topics: Of each prompt: its `subject`, or the name of its file where that has none.
    """

    prompts: tuple[str, ...]
    models: tuple[str, ...]
    right: NDArray[np.float64]
    answers: Mapping[str, tuple[str | None, ...]]
    topics: tuple[str, ...]

    def rows(self, chosen: NDArray[np.bool_]) -> Outcomes:
        """Return those rows where `chosen` is true, in their order."""
        places = np.flatnonzero(chosen)
        return Outcomes(
            tuple(self.prompts[place] for place in places),
            self.models,
            self.right[places],
            {model: tuple(answers[place] for place in places) for model, answers in self.answers.items()},
            tuple(self.topics[place] for place in places),
        )

    def answered(self, model: str) -> NDArray[np.bool_]:
        """Return where this model's answer is known, graded or not."""
        return np.array([answer is not None for answer in self.answers.get(model, (None,) * len(self.prompts))])


def held_out(prompts: Sequence[str]) -> NDArray[np.bool_]:
    """Return which prompts are for testing: those whose BLAKE2b hash (of 64 bytes) ends in an odd byte.

    The hash of the prompt decides, so that a prompt that occurs twice is never on both sides.
    """
    return np.array([hashlib.blake2b(prompt.encode()).digest()[-1] % 2 == 1 for prompt in prompts], dtype=np.bool_)


def prompt_keys(prompts: Sequence[str]) -> NDArray[np.uint64]:
    """Return a number for each prompt by which it is recognised, the same everywhere."""
    digests = [hashlib.blake2b(prompt.encode(), digest_size=KEY_BYTES).digest() for prompt in prompts]
    return np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.uint64)


def weakest(outcomes: Outcomes) -> str:
    """Return the model with the smallest share of right answers among those graded."""
    return outcomes.models[int(np.argmin(np.nanmean(outcomes.right, axis=0)))]


def strongest(outcomes: Outcomes) -> str:
    """Return the model with the greatest share of right answers among those graded."""
    return outcomes.models[int(np.argmax(np.nanmean(outcomes.right, axis=0)))]


def read_outcomes(files: Sequence[Path]) -> Outcomes:
    """Read graded outcomes from CSV files, gzipped or not; the files may differ in their columns and models.

    Raises:
        ConfigurationError: A file cannot be read, or a column or grade is missing or wrong; names file, row, column.
    """
    return joined([read_file(file) for file in files])


def read_file(file: Path) -> Outcomes:
    """Read the graded outcomes of one file; raises as `read_outcomes` does."""
    rows = read_table(file)
    models = tuple(column.removesuffix(RIGHT) for column in rows[0] if column.endswith(RIGHT) and column != RIGHT)
    if not models:
        raise ConfigurationError(
            f"{file}: no column ends in {RIGHT!r}; add one per model, named <model>{RIGHT}, with True or False"
        )
    right = [[_grade(file, number, f"{model}{RIGHT}", row) for model in models] for number, row in enumerate(rows)]
    answers = {model: tuple(row.get(f"{model}{ANSWER}") or None for row in rows) for model in models}
    return Outcomes(
        tuple(row[PROMPT] for row in rows),
        models,
        np.array(right, dtype=np.float64),
        {model: some for model, some in answers.items() if any(some)},
        tuple(row.get(TOPIC) or file.name.partition(".")[0] for row in rows),
    )


def joined(parts: Sequence[Outcomes]) -> Outcomes:
    """Return the outcomes of several files as one; what a file does not say about a model is not known."""
    models = tuple(dict.fromkeys(model for part in parts for model in part.models))
    right = np.full((sum(len(part.prompts) for part in parts), len(models)), np.nan)
    start = 0
    for part in parts:
        right[start : start + len(part.prompts), [models.index(model) for model in part.models]] = part.right
        start += len(part.prompts)
    answering = [model for model in models if any(model in part.answers for part in parts)]
    nothing = {id(part): (None,) * len(part.prompts) for part in parts}
    return Outcomes(
        tuple(prompt for part in parts for prompt in part.prompts),
        models,
        right,
        {
            model: tuple(answer for part in parts for answer in part.answers.get(model, nothing[id(part)]))
            for model in answering
        },
        tuple(topic for part in parts for topic in part.topics),
    )


def read_table(file: Path) -> list[dict[str, str]]:
    """Read a CSV file with a `prompt` column, gzipped or not, as rows by column.

    Raises:
        ConfigurationError: It cannot be read, has no rows, no `prompt`, or a row that is too short or too long.
    """
    return read_rows(str(file), file, (PROMPT,), "name the column of prompts so")


def _grade(file: Path, number: int, column: str, row: Mapping[str, str]) -> float:
    said = row.get(column, "").strip().lower()
    if said not in GRADES:
        raise ConfigurationError(
            f"{file}: row {number}, {column}: {said!r} is no grade; write True, False or nothing"
        )
    return GRADES[said]
