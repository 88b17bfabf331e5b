"""Is the error bound of the semantic tier held while what is asked drifts, and what does that cost in hits?

`python -m benchmarks.drift --pairs question_pairs.csv.gz` prints one JSON object; `--plot FILE` draws it. The stream
begins with generated questions of families that the shipped verifier was not fitted on, comes back to such ones
again and again, and has other stretches between: recorded questions, of which people say whether they mean the same,
and of whose topics it knows nothing; generated ones of which a third of what means the same needs another answer;
and generated ones of which a fifth does, but only of the half that it is surest of, so that no higher bar helps. No
verifier could see it. Each pair of questions is a scope of its own, so that it is known whether a hit is right. The
real verifier finds them by way of the real `SemanticCache`; `Questions`, its trust and its bound decide, and hear
verdicts as they would: grades of a share of what was served, after some requests; and what models answered where a
hit was checked or the raised bar had refused it.

A window is 500 hits served one after the other. It breaks the bound where more of it are wrong than 95 of 100 such
windows would have by chance, if each hit were wrong with a probability of exactly δ. Beside it, on the same stream:
hits from a fixed probability of 1 - δ on, and from that fixed similarity on which gives as many hits in the first
stretch.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from agents.cache.evaluation.files import FIRST, SECOND, labels_of, read_pairs
from agents.cache.questions import Questions
from agents.cache.semantic.cache import SemanticCache
from agents.cache.semantic.found import Found, accepted
from agents.cache.semantic.generated.pairs import hard_pairs
from agents.cache.semantic.store import SHIPPED, load
from agents.cache.semantic.verifier import Verifier
from agents.cache.vectors.exact import ExactVectors
from benchmarks.drift_picture import draw
from schemas.batch import Asked
from schemas.effective_policy import EffectivePolicy, Ruling
from schemas.semantic_settings import SemanticSettings
from schemas.verdict import Verdict
from streams.embedding import EmbeddingEngine
from streams.stage import Journey
from tests.flow.journeys import NOW, a_journey

DELTA = 0.05
LENGTHS = {
    "known": 6_000,
    "recorded": 12_000,
    "known again": 6_000,
    "deceptive": 6_000,
    "and again": 6_000,
    "surest wrong": 9_000,
    "at last": 6_000,
}
DECEIVED, SUREST_DECEIVED = 1 / 3, 1 / 5
WINDOW, CONFIDENCE = 500, 0.95
BATCH = 20
ANSWERED_AFTER = 20
"""Requests until a model has answered."""
SEED = 21
LABEL = "same_meaning"
POLICY = EffectivePolicy(semantic_error_bound=Ruling(DELTA, "organization acme"))
SCOPE = "scope {}"
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions of the stream, and whether they may share an answer."""

    first: str
    second: str
    same: bool


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is heard of hits.

    Attributes:
        graded: Share of the served that are graded.
        after: Requests until a grade comes.
        checked: Share of the hits that a model is asked about instead.
        mistaken: Share of the comparisons with a model's answer that are wrong.
    """

    graded: float
    after: int
    checked: float
    mistaken: float = 0.0


HEARINGS = {
    "all graded at once": Hearing(1.0, 0, 0.0),
    "a fifth graded after 500 requests, 2 % checked": Hearing(0.2, 500, 0.02, 0.02),
    "2 % checked, none graded": Hearing(0.0, 0, 0.02, 0.02),
    "10 % checked, none graded": Hearing(0.0, 0, 0.1, 0.02),
}


@dataclass(slots=True)
class Served:
    """What was served.

    Attributes:
        places: In the stream.
        wrong: Of each, whether it was.
        refused: Hits by the verifier's word that the raised bar refused, and no model's answer was compared with.
        checks: Hits that a model was asked about instead.
    """

    places: list[int] = field(default_factory=list)
    wrong: list[bool] = field(default_factory=list)
    refused: int = 0
    checks: int = 0


class Recorded:
    """Says again what the real cache found, by scope: the same for whichever bound."""

    def __init__(self, found: Sequence[Found | None]) -> None:
        self._found = {SCOPE.format(place): one for place, one in enumerate(found)}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, fingerprint: str, asked: Asked) -> None:
        """Know it already."""

    def remove(self, fingerprint: str) -> None:
        """Keep it: a scope is asked once."""

    def find(self, asked: Sequence[tuple[Asked, float]]) -> list[Found | None]:
        """Return what was found, a hit or not by the bound of now."""
        return [self._at(self._found[one.scope], delta) for one, delta in asked]

    def agree(self, one: str, other: str) -> bool:
        """Compare nothing: the labels tell."""
        raise NotImplementedError

    def _at(self, found: Found | None, delta: float) -> Found | None:
        return found and Found(found.key, found.similarity, found.probability, accepted(found.probability, delta))


def stream(file: Path) -> list[Pair]:
    """Return the stretches one after the other."""
    generated = [Pair(pair.first, pair.second, pair.same) for pair in hard_pairs("test", _generated(), SEED)]
    rows = read_pairs("--pairs", file)
    labels = labels_of("--pairs", file, rows, LABEL)
    recorded = [Pair(row[FIRST], row[SECOND], bool(same)) for row, same in zip(rows, labels, strict=True)]
    pairs: list[Pair] = []
    for name, length in LENGTHS.items():
        source = recorded if name == "recorded" else generated
        pairs += source[:length]
        del source[:length]
    return pairs


def _generated() -> int:
    return sum(LENGTHS.values()) - LENGTHS["recorded"]


def deceived(pairs: Sequence[Pair], found: Sequence[Found | None]) -> list[Pair]:
    """Return the stream with what means the same and needs another answer all the same."""
    hits = [one.probability for one in found[: LENGTHS["known"]] if one is not None and one.hit]
    surest, stretches = float(np.median(hits)), iter(stretch_of())
    told = []
    for place, (pair, one, stretch) in enumerate(zip(pairs, found, stretches, strict=True)):
        sure = one is not None and one.probability >= surest
        share = {"deceptive": DECEIVED, "surest wrong": SUREST_DECEIVED * sure}.get(stretch, 0.0)
        told.append(Pair(pair.first, pair.second, pair.same and drawn("deceived", place) >= share))
    return told


def stretch_of() -> list[str]:
    """Return the name of each place's stretch."""
    return [name for name, length in LENGTHS.items() for _ in range(length)]


def find_all(pairs: Sequence[Pair]) -> list[Found | None]:
    """Return what the real cache finds for the second question of each pair when the first is in it."""
    engine = EmbeddingEngine()
    settings = SemanticSettings()
    cache = SemanticCache(
        Verifier(load(SHIPPED, engine.name), engine),
        lambda: ExactVectors(engine.dimensions),
        settings.candidates,
        settings.least_similarity,
    )
    found: list[Found | None] = []
    for start in range(0, len(pairs), BATCH):
        some = list(enumerate(pairs[start : start + BATCH], start))
        for place, pair in some:
            cache.add(str(place), Asked(SCOPE.format(place), pair.first))
        found += cache.find([(Asked(SCOPE.format(place), pair.second), DELTA) for place, pair in some])
        for place, _ in some:
            cache.remove(str(place))
    return found


def replay(pairs: Sequence[Pair], found: Sequence[Found | None], hearing: Hearing) -> Served:
    """Send the stream through what decides about hits."""
    questions = Questions(SemanticSettings(enabled=True, checked_share=hearing.checked), Recorded(found))
    served, waiting = Served(), dict[int, list[Verdict]]()
    for start in range(0, len(pairs), BATCH):
        due = [verdict for place in sorted(waiting) if place <= start for verdict in waiting.pop(place)]
        questions.judge(due)
        some = range(start, min(start + BATCH, len(pairs)))
        journeys = {place: journey(place, pairs[place]) for place in some}
        hits = questions.near(journeys)
        for place, asking in journeys.items():
            wrong, rival = not pairs[place].same, asking.asked and asking.asked.rival
            would = accepted(found_probability(found[place]), DELTA)
            if place in hits:
                served.places.append(place)
                served.wrong.append(wrong)
                if drawn("grade", place) < hearing.graded:
                    verdict = a_verdict(f"grade/{place}", hits[place].probability, wrong=wrong)
                    waiting.setdefault(place + hearing.after, []).append(verdict)
            elif would:
                served.refused += not rival
                served.checks += bool(rival)
            if rival:
                told = wrong != (drawn("mistaken", place) < hearing.mistaken)
                verdict = a_verdict(f"comparison/{place}", rival.probability, wrong=told)
                waiting.setdefault(place + ANSWERED_AFTER, []).append(verdict)
    return served


def journey(place: int, pair: Pair) -> Journey:
    """Return the second question on its way."""
    asking = a_journey(id=f"r{place}", prompt=pair.second)
    asking.policy = POLICY
    asking.asked = Asked(SCOPE.format(place), pair.second)
    return asking


def a_verdict(name: str, probability: float, *, wrong: bool) -> Verdict:
    """Return what somebody says of a hit."""
    return Verdict(name, "acme", name, wrong, probability, DELTA, "drift", NOW)


def drawn(what: str, place: int) -> float:
    """Return a number below 1, the same for the same request."""
    return int.from_bytes(blake2b(f"{what} {place}".encode(), digest_size=4).digest()) / (1 << 32)


def found_probability(found: Found | None) -> float:
    """Return that of the likeliest; 0 where there is none."""
    return 0.0 if found is None else found.probability


def static(pairs: Sequence[Pair], hits: Flags) -> Served:
    """Return what a fixed threshold serves."""
    places = np.flatnonzero(hits).tolist()
    return Served(places, [not pairs[place].same for place in places])


def as_many(similarity: NDArray[np.float64], probability: NDArray[np.float64]) -> float:
    """Return the similarity that gives as many hits in the first stretch as the probability does."""
    known = slice(LENGTHS["known"])
    hits = int((probability[known] >= 1 - DELTA).sum())
    return float(np.sort(similarity[known])[-hits])


def told(pairs: Sequence[Pair], served: Served) -> dict[str, object]:
    """Return how often hits were right, by window and by stretch."""
    wrong = np.array(served.wrong, dtype=np.int64)
    windows = [wrong[start : start + WINDOW] for start in range(0, len(wrong) - WINDOW + 1, WINDOW)]
    limit = int(binom.ppf(CONFIDENCE, WINDOW, DELTA))
    places, stretches, start = np.array(served.places, dtype=np.int64), {}, 0
    for name, length in LENGTHS.items():
        inside = (places >= start) & (places < start + length)
        right = sum(pair.same for pair in pairs[start : start + length])
        stretches[name] = {
            "hits": int(inside.sum()),
            "error": round(float(wrong[inside].mean()), 4) if inside.any() else None,
            "of_the_same_hit": round(float((wrong[inside] == 0).sum() / max(1, right)), 4),
        }
        start += length
    return {
        "hits": len(wrong),
        "hit_rate": round(len(wrong) / len(pairs), 4),
        "error": round(float(wrong.mean()), 4),
        "windows": len(windows),
        "windows_broken": sum(int(window.sum()) > limit for window in windows),
        "worst_window": round(max(float(window.mean()) for window in windows), 4),
        "refused": served.refused,
        "checked": served.checks,
        "stretches": stretches,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    asked = stream(options.pairs)
    found = find_all(asked)
    pairs = deceived(asked, found)
    similarity = np.array([-1.0 if one is None else one.similarity for one in found])
    probability = np.array([found_probability(one) for one in found])
    threshold = as_many(similarity, probability)
    by_name = {name: replay(pairs, found, hearing) for name, hearing in HEARINGS.items()}
    by_name["fixed probability"] = static(pairs, probability >= 1 - DELTA)
    by_name["fixed similarity"] = static(pairs, similarity >= threshold)
    if options.plot:
        draw(by_name, LENGTHS, WINDOW, DELTA, options.plot)
    figures = {name: told(pairs, served) for name, served in by_name.items()}
    print(json.dumps({"delta": DELTA, "window": WINDOW, "similarity": round(threshold, 4), **figures}, indent=2))


if __name__ == "__main__":
    main()
