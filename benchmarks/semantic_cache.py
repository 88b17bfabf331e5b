"""How far the verifier of the semantic cache tells questions apart, and what a pair costs.

`python -m benchmarks.semantic_cache` measures the shipped verifier on the generated pairs it was not fitted on, and
prints one JSON object. `--pairs FILE` takes labelled pairs besides: fits on those whose first question has a BLAKE2b
hash that ends in an even byte, measures on the others, and says what the shipped one does on all of them. Times are
microseconds of processor time per pair, embeddings not counted, the fastest of some rounds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.cache.evaluation.files import FIRST, SECOND, labels_of, read_pairs
from agents.cache.semantic.calibration import area_under_curve, calibration_error
from agents.cache.semantic.fitting import fit_labelled
from agents.cache.semantic.found import accepted
from agents.cache.semantic.generated.pairs import hard_pairs
from agents.cache.semantic.store import SHIPPED, load
from agents.cache.semantic.verifier import Question, Verifier
from streams.embedding import EmbeddingEngine

PAIRS = 6_000
SEED = 7
ROUNDS = 7
BATCH = 4_096
DELTAS = (0.02, 0.05)
RECALLS = (0.05, 0.1, 0.2, 0.3)
LABEL = "same_meaning"

Probabilities = NDArray[np.float64]
Flags = NDArray[np.bool_]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path)
    file = parser.parse_args().pairs
    engine = EmbeddingEngine()
    shipped = Verifier(load(SHIPPED, engine.name), engine)
    report: dict[str, object] = {"shipped_on_generated": on_generated(shipped)}
    if file is not None:
        rows = read_pairs("--pairs", file)
        firsts, seconds = [row[FIRST] for row in rows], [row[SECOND] for row in rows]
        same = labels_of("--pairs", file, rows, LABEL)
        test = np.array([hashlib.blake2b(text.encode()).digest()[-1] % 2 == 1 for text in firsts])
        judgement, measured = fit_labelled(_of(firsts, ~test), _of(seconds, ~test), same[~test], engine, SEED)
        fitted = Verifier(judgement, engine)
        questions = ([Question(text) for text in _of(firsts, test)], [Question(text) for text in _of(seconds, test)])
        report |= {
            "fitted_out_of_fold": measured,
            "fitted_on_the_other_half": told_apart(fitted.probabilities(*questions), same[test]),
            "fitted_on_generated": on_generated(fitted),
            "shipped_on_the_other_half": told_apart(shipped.probabilities(*questions), same[test]),
            "us_per_pair": {
                name: cost(each, *questions) for name, each in (("fitted", fitted), ("shipped", shipped))
            },
        }
    print(json.dumps(report, indent=2))


def on_generated(verifier: Verifier) -> dict[str, object]:
    """Return hits among the generated pairs that are for testing."""
    pairs = hard_pairs("test", PAIRS, SEED)
    chance = verifier.probabilities(
        [Question(pair.first) for pair in pairs], [Question(pair.second) for pair in pairs]
    )
    same = np.array([pair.same for pair in pairs])
    report: dict[str, object] = {"pairs": PAIRS, "area": area_under_curve(chance, same)}
    for delta in DELTAS:
        hit = np.array([accepted(one, delta) for one in chance])
        report[f"at {delta}"] = {
            "false_hits": float(hit[~same].mean()),
            "paraphrases_hit": float(hit[same].mean()),
            "error_of_hits": float((~same[hit]).mean()) if hit.any() else None,
            "by_change": dict(
                Counter(pair.category for pair, one in zip(pairs, hit, strict=True) if one and not pair.same)
            ),
        }
    return report


def told_apart(chance: Probabilities, same: Flags) -> dict[str, object]:
    """Return how far probabilities tell labelled pairs apart."""
    order = np.argsort(-chance, kind="stable")
    precision = np.cumsum(same[order]) / np.arange(1, len(order) + 1)
    recall = np.cumsum(same[order]) / max(1, same.sum())
    hits = {delta: chance >= 1 - delta for delta in (*DELTAS, 0.1)}
    return {
        "pairs": len(same),
        "area": area_under_curve(chance, same),
        "calibration_error": calibration_error(chance, same),
        "precision_at_recall": {at: float(precision[np.searchsorted(recall, at)]) for at in RECALLS},
        "hits": {
            delta: {"recall": float(same[hit].sum() / same.sum()), "error": float((~same[hit]).mean())}
            for delta, hit in hits.items()
            if hit.any()
        },
    }


def cost(verifier: Verifier, firsts: Sequence[Question], seconds: Sequence[Question]) -> float:
    """Return microseconds of processor time per pair in a batch."""
    one, two = firsts[:BATCH], seconds[:BATCH]
    vectors = (
        verifier.engine.embed([question.text for question in one]),
        verifier.engine.embed([question.text for question in two]),
    )
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        verifier.probabilities(one, two, vectors)
        taken.append(time.process_time() - begun)
    return min(taken) / len(one) * 1e6


def _of(texts: Sequence[str], chosen: Flags) -> list[str]:
    return [text for text, taken in zip(texts, chosen, strict=True) if taken]


if __name__ == "__main__":
    main()
