"""A believable offline workload, made up: for the demo and for benchmarks. The same seed gives the same requests."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

REPEATED = 0.3
EXPLICIT = 0.1
CHAT = 0.5
UNKNOWN_MODEL = 0.002
RECENT = 400
"""Repeats are of something asked lately: that many distinct requests back at most."""
EXPLICIT_MODEL = "gpt-4-turbo"
RETIRED_MODEL = "gpt-3.5-legacy"

PLACES = ("Nairobi", "Osaka", "Porto", "Lima", "Tallinn", "Accra", "Perth", "Quebec", "Hanoi", "Split")
PRODUCTS = ("the blue kettle", "a standing desk", "the trail shoes", "a pair of headphones", "the rain jacket")
COMPLAINTS = ("arrived late", "has a scratch", "does not switch on", "is the wrong size", "was charged twice")
TOPICS = ("rate limits", "invoices", "password resets", "data export", "webhooks", "user roles", "refunds")
LANGUAGES = ("German", "Portuguese", "Japanese", "Swahili", "Polish", "Vietnamese")
FUNCTIONS = ("parses an ISO 8601 date", "merges two sorted lists", "counts words in a file", "validates an IBAN")
SENTENCES = (
    "The meeting moved to Thursday because two people were ill.",
    "Revenue grew by four percent while costs stayed where they were.",
    "The supplier promised a new delivery and has not kept the promise.",
    "Nobody tested the migration on a copy of the real data.",
    "Customers like the new search but miss the old filters.",
    "The pump was replaced and the pressure has been steady since.",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request.

    Attributes:
        share: How often it occurs, relative to the others.
        min_quality: What its answers must be worth.
        max_output_tokens: How long they may be.
        prompt: Makes one up; the number keeps prompts apart.
    """

    task_type: str
    share: float
    min_quality: float
    max_output_tokens: int
    prompt: Callable[[random.Random, int], str]


def _support(chance: random.Random, number: int) -> str:
    return f"Ticket {number}: {chance.choice(PRODUCTS)} {chance.choice(COMPLAINTS)}. Write a short, kind reply."


def _classification(chance: random.Random, number: int) -> str:
    said = f"{chance.choice(PRODUCTS)} {chance.choice(COMPLAINTS)}"
    return f"Review {number}: '{said}'. Answer with one word: positive, neutral or negative."


def _summary(chance: random.Random, number: int) -> str:
    text = " ".join(chance.choices(SENTENCES, k=chance.randint(4, 12)))
    return f"Summarise report {number} in one sentence. {text}"


def _question(chance: random.Random, number: int) -> str:
    return f"How do {chance.choice(TOPICS)} work for an account with {number} users? Answer in two sentences."


def _translation(chance: random.Random, number: int) -> str:
    return f"Translate note {number} into {chance.choice(LANGUAGES)}: {chance.choice(SENTENCES)}"


def _coding(chance: random.Random, number: int) -> str:
    return f"Write a Python function, variant {number}, that {chance.choice(FUNCTIONS)}, with a docstring and a test."


def _mathematics(chance: random.Random, number: int) -> str:
    dozen, price = chance.randint(2, 40), chance.randint(3, 90)
    place = chance.choice(PLACES)
    return f"A shop in {place} sells {dozen} dozen eggs and {number} loaves at {price} cents. How much is that?"


KINDS: tuple[Kind, ...] = (
    Kind("support", 0.25, 0.80, 150, _support),
    Kind("classification", 0.22, 0.70, 5, _classification),
    Kind("summarization", 0.18, 0.80, 100, _summary),
    Kind("question_answering", 0.15, 0.80, 120, _question),
    Kind("translation", 0.08, 0.80, 120, _translation),
    Kind("coding", 0.07, 0.88, 600, _coding),
    Kind("mathematics", 0.05, 0.84, 300, _mathematics),
)
SYSTEM_PROMPT = "You work for a small online shop. Be brief and exact."


def workload(count: int, seed: int, repeated: float = REPEATED) -> Iterator[dict[str, Any]]:
    """Yield so many requests, without id and tenant.

    Args:
        count: How many.
        seed: The same seed gives the same requests.
        repeated: Share of requests that repeat an earlier one, likelier a recent one.
    """
    chance = random.Random(seed)  # noqa: S311 - a workload is no secret
    shares = [kind.share for kind in KINDS]
    asked: deque[dict[str, Any]] = deque(maxlen=RECENT)
    for number in range(1, count + 1):
        if asked and chance.random() < repeated:
            yield asked[-1 - int(len(asked) * chance.random() ** 2)]
            continue
        (kind,) = chance.choices(KINDS, shares)
        request = _request(kind, chance, number)
        asked.append(request)
        yield request


def _request(kind: Kind, chance: random.Random, number: int) -> dict[str, Any]:
    prompt = kind.prompt(chance, number)
    request: dict[str, Any] = {
        "task_type": kind.task_type,
        "sampling": {"temperature": 0.0, "max_output_tokens": kind.max_output_tokens},
        "tags": {"team": chance.choice(("shop", "search", "finance"))},
    }
    if chance.random() < CHAT:
        request["messages"] = [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": prompt}]
    else:
        request["prompt"] = prompt
    chosen = chance.random()
    if chosen < UNKNOWN_MODEL:
        request |= {"mode": "explicit", "model": RETIRED_MODEL}
    elif chosen < EXPLICIT:
        request |= {"mode": "explicit", "model": EXPLICIT_MODEL}
    else:
        request["constraints"] = {"min_quality": kind.min_quality}
    return request
