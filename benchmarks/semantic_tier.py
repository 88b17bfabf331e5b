"""What the semantic tier costs a request that it does not answer, by how many questions it knows.

Run `python -m benchmarks.semantic_tier --pairs question_pairs.csv.gz`. The distinct questions of the file are added
as they come, the last ones are looked up in batches, as in a worker. Processor time of one thread; one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path

from agents.cache.evaluation.files import FIRST, SECOND, read_pairs
from agents.cache.semantic.cache import SemanticCache
from agents.cache.semantic.store import SHIPPED, load
from agents.cache.semantic.verifier import Verifier
from agents.cache.vectors.ivf import InvertedFile
from schemas.batch import Asked
from schemas.semantic_settings import SemanticSettings
from streams.embedding import EmbeddingEngine

SIZES = (10_000, 50_000)
LOOKED_UP, BATCH, ROUNDS = 1_000, 200, 3
DELTA = 0.02
MICROSECONDS = 1e6


def questions(file: Path) -> list[str]:
    """Return the distinct questions of a file of pairs, in their order."""
    rows = read_pairs("--pairs", file)
    return list(dict.fromkeys(row[name] for row in rows for name in (FIRST, SECOND)))


def measured(cache: SemanticCache, asked: list[str]) -> dict[str, float]:
    """Return the least processor time of a look-up over some rounds, and what came of them."""
    batches = [
        [(Asked("scope", text), DELTA) for text in asked[start : start + BATCH]]
        for start in range(0, len(asked), BATCH)
    ]
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        found = [one for batch in batches for one in cache.find(batch)]
        times.append((time.process_time() - began) / len(asked) * MICROSECONDS)
    return {
        "look_up_us": round(min(times), 1),
        "with_candidate": sum(one is not None for one in found),
        "hits": sum(one is not None and one.hit for one in found),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    options = parser.parse_args()
    engine, settings = EmbeddingEngine(), SemanticSettings()
    verifier = Verifier(load(SHIPPED, engine.name), engine)
    texts = questions(options.pairs)
    known, asked = texts[:-LOOKED_UP], texts[-LOOKED_UP:]
    figures: dict[str, object] = {"looked_up": LOOKED_UP, "batch": BATCH, "delta": DELTA}
    for size in SIZES:
        cache = SemanticCache(
            verifier, partial(InvertedFile, engine.dimensions), settings.candidates, settings.least_similarity
        )
        began = time.process_time()
        for number, text in enumerate(known[:size]):
            cache.add(str(number), Asked("scope", text))
        cache.find([(Asked("scope", "nothing"), DELTA)])  # what was added last is embedded with a look-up
        adding = (time.process_time() - began) / len(cache) * MICROSECONDS
        figures[f"entries_{len(cache)}"] = {"add_us": round(adding, 1), **measured(cache, asked)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
