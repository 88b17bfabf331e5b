"""What the cache costs a request that no tier answers, by what it knows, with the semantic tier and without.

Run `python -m benchmarks.semantic_tier --data FOLDER`, of a folder with `question_pairs.csv.gz` and
`mmlu_outcomes.csv.gz`. Their distinct questions, and copies of them with a few words changed where those are too few,
are answered as they come; others are looked up in batches, as in a worker: the whole step, from fingerprints to the
decision. Processor time of one thread; one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from agents.cache.questions import Questions
from agents.cache.semantic.cache import SemanticCache
from agents.cache.semantic.store import SHIPPED, load
from agents.cache.semantic.verifier import Verifier
from agents.cache.stage import CacheStep
from agents.cache.vectors.ivf import InvertedFile
from benchmarks.near_duplicates import entries, questions
from schemas.effective_policy import UNRESTRICTED, EffectivePolicy, Ruling
from schemas.semantic_settings import SemanticSettings
from schemas.settings import IntakeSettings
from streams.embedding import EmbeddingEngine
from streams.stage import Journey
from tests.flow.journeys import NOW, PARIS, a_completion, a_journey, a_passenger
from tests.flow.models import three_models

SIZES = (10_000, 100_000)
LOOKED_UP, BATCH, ROUNDS = 1_000, 200, 5
ON = EffectivePolicy(semantic_error_bound=Ruling(0.02, "organization acme"))
ROOM = IntakeSettings(cache_entries=1_000_000, cache_bytes=10_000_000_000)
MICROSECONDS = 1e6


def asking(text: str, policy: EffectivePolicy) -> Journey:
    """Return a question on its way."""
    journey = a_journey(prompt=text)
    journey.policy = policy
    return journey


def answered(step: CacheStep, texts: Sequence[str]) -> float:
    """Let questions be asked and answered; return microseconds of each, the look-ups and whatever adds it counted."""
    spent = 0.0
    for start in range(0, len(texts), BATCH):
        journeys = [asking(text, ON) for text in texts[start : start + BATCH]]
        for journey in step.process(journeys, NOW).onward:
            passenger = a_passenger(journey.request.id, fingerprint=journey.fingerprint)
            completion = a_completion(msgspec.structs.replace(passenger, asked=journey.asked), answer=PARIS)
            began = time.process_time()
            step.complete(completion, NOW)
            spent += time.process_time() - began
    return spent / len(texts) * MICROSECONDS


def missed(step: CacheStep, texts: Sequence[str], policy: EffectivePolicy) -> tuple[float, int]:
    """Return the least microseconds of a question over some rounds, and how many none of the tiers answered."""
    times = []
    for _ in range(ROUNDS):
        spent, onward = 0.0, 0
        for start in range(0, len(texts), BATCH):
            journeys = [asking(text, policy) for text in texts[start : start + BATCH]]
            began = time.process_time()
            flow = step.process(journeys, NOW)
            spent += time.process_time() - began
            onward += len(flow.onward)
            for journey in flow.onward:
                step.abandon(journey, NOW)
        times.append(spent / len(texts) * MICROSECONDS)
    return min(times), onward


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    options = parser.parse_args()
    engine, settings = EmbeddingEngine(), SemanticSettings(enabled=True)
    verifier = Verifier(load(SHIPPED, engine.name), engine)
    real = questions(options.data)
    asked, known = real[:LOOKED_UP], real[LOOKED_UP:]
    figures: dict[str, object] = {"looked_up": LOOKED_UP, "batch": BATCH, "delta": ON.semantic_delta}
    for size in options.sizes:
        finder = SemanticCache(
            verifier, partial(InvertedFile, engine.dimensions), settings.candidates, settings.least_similarity
        )
        step = CacheStep(ROOM, three_models(), Questions(settings, finder))
        adding = answered(step, entries(known, size))
        with_it, onward = missed(step, asked, ON)
        without, _ = missed(step, asked, UNRESTRICTED)
        figures[f"entries_{step.entries}"] = {
            "miss_us": round(with_it, 1),
            "miss_without_us": round(without, 1),
            "missed": onward,
            "known": len(finder),
            "add_us": round(adding, 1),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
