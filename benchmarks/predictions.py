"""What learned routing costs per prompt: embedding, prediction, task types, in batches.

`python -m benchmarks.predictions` fits on made-up outcomes (the cost of a prediction depends on their number and on
the models and topics, not on what they say) and prints one JSON object, in microseconds of processor time per prompt.
`--prompts FILE` takes the prompts of a CSV file instead of made-up ones. Beside them stand nearest neighbours, exact
and by Annoy.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import annoy
import numpy as np

from agents.routing.learning.features import lexical
from agents.routing.learning.fitting import fit_router
from agents.routing.learning.outcomes import Outcomes, read_table
from agents.routing.tasks.detector import TaskTypeDetector
from agents.routing.tasks.examples import read_examples
from streams.embedding import EmbeddingEngine

BATCH = 1_000
ROUNDS = 15
FITTED = 4_000
TOPICS = 57
WORDS = 2_000
NEIGHBOURS = 50
TREES = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=Path)
    file = parser.parse_args().prompts
    generator = np.random.default_rng(1)
    prompts = [row["prompt"] for row in read_table(file)] if file else _made_up(generator)
    prompts = (prompts * (1 + (FITTED + BATCH) // len(prompts)))[: FITTED + BATCH]
    fitted, batch = prompts[:FITTED], prompts[FITTED:]
    engine = EmbeddingEngine()
    right = (generator.random((FITTED, 2)) < (0.6, 0.8)).astype(np.float64)
    topics = tuple(f"topic {number % TOPICS}" for number in range(FITTED))
    predictor = fit_router(Outcomes(tuple(fitted), ("weak", "strong"), right, {}, topics), engine, 1).predictor(
        engine
    )
    detector = TaskTypeDetector(engine, read_examples())
    features = predictor.features(batch)
    vectors = np.ascontiguousarray(features[:, : engine.dimensions])
    known = engine.embed(fitted)
    index = annoy.AnnoyIndex(engine.dimensions, "angular")
    for row, vector in enumerate(known):
        index.add_item(row, vector)
    index.build(TREES)
    fresh = EmbeddingEngine()
    print(
        json.dumps(
            {
                "batch": BATCH,
                "mean_characters": round(float(np.mean([len(prompt) for prompt in batch]))),
                "us_per_prompt": {
                    "embedding, new words": _once(lambda: fresh.embed(batch)),
                    "embedding, known words": _best(lambda: engine.embed(batch)),
                    "lexical features": _best(lambda: lexical(batch)),
                    "prediction after features": _best(lambda: predictor.predict_features(features)),
                    "task type after embedding": _best(lambda: detector.detect_embedded(batch, vectors)),
                    f"{NEIGHBOURS} neighbours of {FITTED}, exact": _best(
                        lambda: np.argpartition(vectors @ known.T, FITTED - NEIGHBOURS, axis=1)
                    ),
                    f"{NEIGHBOURS} neighbours of {FITTED}, Annoy": _best(
                        lambda: [index.get_nns_by_vector(vector, NEIGHBOURS) for vector in vectors]
                    ),
                },
            },
            indent=2,
        )
    )


def _made_up(generator: np.random.Generator) -> list[str]:
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(generator.choice(letters, generator.integers(2, 10))) for _ in range(WORDS)]
    return [" ".join(generator.choice(words, 50)) for _ in range(FITTED + BATCH)]


def _once(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return round((time.process_time() - began) / BATCH * 1e6, 2)


def _best(work: Callable[[], object]) -> float:
    return min(_once(work) for _ in range(ROUNDS))


if __name__ == "__main__":
    main()
