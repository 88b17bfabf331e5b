"""What the exact cache saves when room is short, against the same room with the least recently used going first.

    python -m benchmarks.eviction [--requests N] [--megabytes N ...]

Made-up requests: some questions are asked often and most seldom (Zipf), which ones changes slowly, answers have
lengths and prices that differ by factors of hundreds. Both caches see the same requests and have the same room.
Prints one JSON object: dollars saved by each, their ratio, and nanoseconds of processor time per request.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from agents.cache.exact import ENTRY_BYTES, Cache, Entry
from schemas.batch import Target
from schemas.wire import Answer, Tokens

QUESTIONS = 60_000
EXPONENT = 0.9
"""Of the popularity; between what is measured of web pages (0.6 to 0.9) and of questions to assistants (about 1)."""
DRIFT = 0.3
"""Share of the questions whose popularity another one has by the end."""
TOKEN_BYTES = 4.0
MEDIAN_TOKENS = 180.0
SPREAD = 1.1
"""Standard deviation of the logarithm of an answer's tokens."""
DOLLARS_PER_MILLION = (0.15, 0.6, 2.5, 10.0, 30.0)
MEGABYTES = (1, 4, 16)
LIFETIME = 1e9
TARGET = Target("model", "provider")
ANSWER = Answer("")
TOKENS = Tokens()


class Asked(NamedTuple):
    """Requests in order, and what each question's answer takes and costs."""

    questions: list[int]
    sizes: list[int]
    dollars: list[float]


class Kept(Protocol):
    """A cache under test."""

    def get(self, fingerprint: str, now: float, max_age: float) -> Entry | None:
        """Look up."""
        ...

    def put(self, fingerprint: str, entry: Entry, now: float) -> object:
        """Fill."""
        ...


class LeastRecentlyUsed:
    """What it is measured against."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._used_bytes = 0

    def get(self, fingerprint: str, now: float, max_age: float) -> Entry | None:
        """Look up."""
        entry = self._entries.get(fingerprint)
        if entry is None or now >= entry.expires_at or now - entry.filled_at >= max_age:
            return None
        self._entries.move_to_end(fingerprint)
        return entry

    def put(self, fingerprint: str, entry: Entry, now: float) -> None:
        """Fill."""
        del now
        self._entries[fingerprint] = entry
        self._used_bytes += entry.size
        while self._used_bytes > self._max_bytes:
            self._used_bytes -= self._entries.popitem(last=False)[1].size


def asked(requests: int, seed: int) -> Asked:
    """Draw requests."""
    draw = np.random.default_rng(seed)
    weights = np.arange(1, QUESTIONS + 1, dtype=np.float64) ** -EXPONENT
    ranks = draw.choice(QUESTIONS, requests, p=weights / weights.sum())
    place = draw.permutation(QUESTIONS)
    questions = place[ranks]
    moved = draw.random(QUESTIONS) < DRIFT
    since = draw.random(QUESTIONS) * requests  # from then on another question has its popularity
    successor = draw.permutation(QUESTIONS)
    changed = moved[ranks] & (np.arange(requests) >= since[ranks])
    questions[changed] = successor[ranks[changed]]
    tokens = np.exp(draw.normal(math.log(MEDIAN_TOKENS), SPREAD, QUESTIONS))
    prices = np.array(DOLLARS_PER_MILLION)[draw.integers(0, len(DOLLARS_PER_MILLION), QUESTIONS)]
    return Asked(
        questions.tolist(),
        (ENTRY_BYTES + tokens * TOKEN_BYTES).astype(int).tolist(),
        (tokens * prices / 1e6).tolist(),
    )


def saved_by(cache: Kept, those: Asked) -> dict[str, float]:
    """Serve all of them; return dollars saved, the share of hits, and nanoseconds per request."""
    names = [f"{number:032x}" for number in range(QUESTIONS)]
    dollars, hits = 0.0, 0
    began = time.process_time_ns()
    for now, question in enumerate(those.questions):
        name = names[question]
        if cache.get(name, now, math.inf) is not None:
            dollars += those.dollars[question]
            hits += 1
            continue
        entry = Entry(ANSWER, TOKENS, TARGET, name, now, now + LIFETIME, those.sizes[question], None, "acme")
        entry.worth = those.dollars[question]
        cache.put(name, entry, now)
    spent = time.process_time_ns() - began
    count = len(those.questions)
    return {"saved_usd": round(dollars, 4), "hits": round(hits / count, 4), "ns_per_request": round(spent / count)}


def measure(requests: int, megabytes: list[int], seed: int) -> dict[str, Any]:
    """Measure both in rooms of these sizes."""
    those = asked(requests, seed)
    everything = sum(those.dollars[question] for question in those.questions)
    found: dict[str, Any] = {"requests": requests, "worth_of_all_usd": round(everything, 4), "rooms": {}}
    for size in megabytes:
        room = size * 1024 * 1024
        makers: dict[str, Callable[[int], Kept]] = {
            "least_recently_used": LeastRecentlyUsed,
            "money_per_byte": lambda most: Cache(QUESTIONS, most),
        }
        figures = {name: saved_by(make(room), those) for name, make in makers.items()}
        ratio = figures["money_per_byte"]["saved_usd"] / figures["least_recently_used"]["saved_usd"]
        found["rooms"][f"{size} MB"] = {**figures, "saved_ratio": round(ratio, 3)}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--requests", type=int, default=400_000)
    parser.add_argument("--megabytes", type=int, nargs="+", default=list(MEGABYTES))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(measure(options.requests, options.megabytes, options.seed)))


if __name__ == "__main__":
    main()
