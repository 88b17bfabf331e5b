"""Real questions and slight changes of them, embedded: what a semantic cache holds and is asked."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agents.cache.vectors.protocol import Vectors
from agents.routing.embedding import EmbeddingEngine

SEED = 1
MOST_EDITS = 3
"""From a question to an entry made of it."""
AT_ONCE = 2_000
SHORTEST = 3
"""Words of a question that may lose one."""


def questions(folder: Path) -> list[str]:
    """Return the different texts of `question_pairs.csv.gz` and `mmlu_outcomes.csv.gz`, shuffled."""
    texts: dict[str, None] = {}
    for name, columns in (("question_pairs", ("question_a", "question_b")), ("mmlu_outcomes", ("prompt",))):
        with gzip.open(folder / f"{name}.csv.gz", "rt", newline="") as file:
            for row in csv.DictReader(file):
                texts.update(dict.fromkeys(row[column] for column in columns))
    found = [text for text in texts if text.split()]
    random.Random(SEED).shuffle(found)
    return found


def entries(texts: Sequence[str], count: int) -> list[str]:
    """Return so many texts: the questions, and when they are used up changed copies of them."""
    chance = random.Random(SEED + 1)
    words = _words(texts)
    made = list(texts[:count])
    while len(made) < count:
        copy = chance.choice(texts)
        for _ in range(chance.randint(1, MOST_EDITS)):
            copy = changed(copy, words, chance)
        made.append(copy)
    return made


def asked(held: Sequence[str], count: int) -> list[str]:
    """Return near duplicates of some of the texts."""
    chance = random.Random(SEED + 2)
    words = _words(held)
    return [changed(chance.choice(held), words, chance) for _ in range(count)]


def changed(text: str, words: Sequence[str], chance: random.Random) -> str:
    """Return the text with one word dropped, replaced by another text's, or swapped with another."""
    parts = text.split()
    place = chance.randrange(len(parts))
    kind = chance.choice(("drop", "replace", "swap"))
    if kind == "drop" and len(parts) >= SHORTEST:
        del parts[place]
    elif kind == "swap":
        other = chance.randrange(len(parts))
        parts[place], parts[other] = parts[other], parts[place]
    else:
        parts[place] = chance.choice(words)
    return " ".join(parts)


def embedded(texts: Sequence[str]) -> Vectors:
    """Return the embeddings of the texts."""
    engine = EmbeddingEngine()
    return np.concatenate([engine.embed(texts[at : at + AT_ONCE]) for at in range(0, len(texts), AT_ONCE)])


def _words(texts: Sequence[str]) -> list[str]:
    return [word for text in texts[: 10 * AT_ONCE] for word in text.split()]
