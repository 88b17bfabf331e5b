"""Made-up outcomes, and an embedding that needs no weights."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from agents.routing.learning.outcomes import Outcomes
from streams.embedding import Vectors, unit
from streams.words import split_words

SUBJECTS = ("botany leaf root flower seed", "algebra ring field group ideal", "law court judge statute appeal")


class WordHashes:
    """A fixed random vector per word, summed: texts with common words are similar."""

    name = "word-hashes"
    dimensions = 24

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in split_words(text):
                vectors[row] += np.random.default_rng(crc32(word.encode())).standard_normal(self.dimensions)
        return unit(vectors)


def made_up(size: int = 180, seed: int = 1, answers: bool = False) -> Outcomes:
    """Three subjects: both models know botany, only the strong one algebra, and law neither is sure of."""
    generator = np.random.default_rng(seed)
    chances = {0: (0.9, 0.95), 1: (0.2, 0.9), 2: (0.5, 0.55)}
    prompts, right, topics, said = [], [], [], []
    for number in range(size):
        kind = number % len(SUBJECTS)
        words = SUBJECTS[kind].split()
        prompts.append(" ".join(generator.choice(words, 6)) + f" {number}")
        grades = generator.random(2) < np.array(chances[kind])
        right.append(grades)
        topics.append(words[0])
        said.append(f"2 + 2 = {4 if grades[0] else 5}." if answers else None)
    return Outcomes(
        tuple(prompts),
        ("small", "large"),
        np.array(right, dtype=np.float64),
        {"small": tuple(said)} if answers else {},
        tuple(topics),
    )


def write(outcomes: Outcomes, file: Path) -> Path:
    """Write outcomes as the files of recorded ones are."""
    columns = [f"{model}_correct" for model in outcomes.models] + [f"{model}_answer" for model in outcomes.answers]
    with gzip.open(file, "wt", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["subject", "prompt", *columns])
        for row, (topic, prompt) in enumerate(zip(outcomes.topics, outcomes.prompts, strict=True)):
            grades = ["" if np.isnan(grade) else str(grade > 0) for grade in outcomes.right[row]]
            writer.writerow([topic, prompt, *grades, *(said[row] or "" for said in outcomes.answers.values())])
    return file
