"""How well and how fast personal data is found; prints one JSON object.

Run: `python -m benchmarks.personal_data`. `--development` measures on the texts that the rules were adjusted on.
A value counts as found when its type and both its ends are right; `covered` is the share of values of which no
character is left over by whatever was found.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from agents.governance.personal.detector import Detector
from agents.governance.personal.finding import Finding
from agents.governance.personal.replacement import Pseudonyms, replaced
from benchmarks.personal_texts import LabelledText, labelled_texts
from schemas.screening import ScreeningSettings
from streams.placeholders import placeholders_in, restored_text

DEVELOPMENT_SEED, HELD_OUT_SEED = 1, 2026
COUNT = 4_000
SPEED_CHARS = 1_000
ROUNDS = 2_000
MICROSECONDS = 1e6
DIGITS = 4
PROSE = (
    "The committee met in the old library and agreed that the harbour should be dredged before winter, although some "
    "members doubted that the money would suffice. Please summarise the debate in three sentences, name both sides, "
    "and say which argument you find stronger and why; avoid jargon. "
)


def quality(texts: Sequence[LabelledText], find: Callable[[str], Sequence[Finding]]) -> dict[str, Any]:
    """Return precision and recall per type and over all."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    for text in texts:
        want = {(label.kind, label.start, label.end) for label in text.labels}
        got = {(str(one.kind), one.start, one.end) for one in find(text.text)}
        right.update(kind for kind, _, _ in want & got)
        wrong.update(kind for kind, _, _ in got - want)
        missed.update(kind for kind, _, _ in want - got)
        hidden = {place for _, start, end in got for place in range(start, end)}
        covered.update(kind for kind, start, end in want if hidden.issuperset(range(start, end)))
    kinds = sorted({*right, *wrong, *missed})
    found = {kind: _figures(right[kind], wrong[kind], missed[kind], covered[kind]) for kind in kinds}
    found["all"] = _figures(right.total(), wrong.total(), missed.total(), covered.total())
    return found


def restored_exactly(texts: Sequence[LabelledText], find: Callable[[str], Sequence[Finding]]) -> dict[str, int]:
    """Return how many texts come back to the letter from an answer that repeats what the provider was sent."""
    exact = 0
    for text in texts:
        pseudonyms = Pseudonyms(placeholders_in(text.text))
        sent = replaced(text.text, find(text.text), pseudonyms.name)
        exact += restored_text(sent, pseudonyms.originals) == text.text
    return {"answers": len(texts), "exact": exact}


def _figures(right: int, wrong: int, missed: int, covered: int) -> dict[str, Any]:
    return {
        "values": right + missed,
        "precision": round(right / (right + wrong), DIGITS) if right + wrong else None,
        "recall": round(right / (right + missed), DIGITS) if right + missed else None,
        "covered": round(covered / (right + missed), DIGITS) if right + missed else None,
    }


def speed(text: str, find: Callable[[str], object]) -> float:
    """Return the microseconds per 1,000 characters, the best of several rounds, since machines are shared."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        find(text)
        best = min(best, time.perf_counter() - begin)
    return round(best * MICROSECONDS / len(text) * SPEED_CHARS, 1)


def speed_texts(texts: Sequence[LabelledText]) -> dict[str, str]:
    """Return texts of 1,000 characters and more, from clean to full of personal data."""
    prose = (PROSE * (SPEED_CHARS // len(PROSE) + 1))[:SPEED_CHARS]
    sampled = Random(DEVELOPMENT_SEED).sample([text.text for text in texts if text.labels], 200)
    one = next(text.text for text in texts if [label.kind for label in text.labels] == ["email", "phone"])
    return {
        "clean": prose,
        "clean_with_numbers": prose.replace("three", "3").replace("both", "2") + " (2024, 18.5 %, 1,200 m)",
        "one_email_and_phone": prose[:450] + one + prose[450:],
        "nothing_but_personal_data": "\n".join(sampled),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--development", action="store_true", help="use the texts that the rules were adjusted on")
    parser.add_argument("--count", type=int, default=COUNT)
    arguments = parser.parse_args()
    seed = DEVELOPMENT_SEED if arguments.development else HELD_OUT_SEED
    texts = labelled_texts(arguments.count, seed, held_out=not arguments.development)
    find = Detector(ScreeningSettings()).find
    report = {
        "texts": len(texts),
        "held_out": not arguments.development,
        "quality": quality(texts, find),
        "restored": restored_exactly(texts, find),
        "microseconds_per_1000_chars": {name: speed(text, find) for name, text in speed_texts(texts).items()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
