"""Changes of wording that change nothing: politeness, contractions, capitals, marks."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

REWORDED = 0.4
"""Of the texts; half of those once more."""
BEFORE = (
    "Please tell me: ",
    "Can you tell me, ",
    "Quick question: ",
    "Hello, ",
    "Hi! ",
    "I was wondering, ",
    "I'd like to know, ",
    "Help me please: ",
    "Hey, ",
    "Do you know, ",
)
AFTER = (" Thanks", " Please help", " Thank you!", " Please explain.", " Any help is welcome.")
CONTRACTED = (
    ("What is ", "What's "),
    ("Who is ", "Who's "),
    ("Where is ", "Where's "),
    (" do not ", " don't "),
    (" does not ", " doesn't "),
    (" is not ", " isn't "),
    (" did not ", " didn't "),
    (" cannot ", " can't "),
)
EXCHANGED = (
    ("How do I ", "How can I "),
    ("How do I ", "How do you "),
    ("How do I ", "How should I "),
    ("How can I ", "How to "),
    ("How do I ", "What is the best way to "),
    ("What are ", "What are some "),
    ("Which ", "What "),
    ("Can I ", "Could I "),
    (" my ", " the "),
    (" a ", " the "),
    ("Is it possible to ", "Can I "),
    (" using ", " with "),
    ("Why is ", "How come "),
)

Chance = np.random.Generator


def reworded(text: str, chance: Chance) -> str:
    """Return a text that asks the same, most often the same text."""
    while chance.random() < REWORDED:
        text = CHANGES[int(chance.integers(len(CHANGES)))](text, chance)
    return text


def _polite(text: str, chance: Chance) -> str:
    if chance.random() < 0.7:  # noqa: PLR2004 - most say it first
        return BEFORE[int(chance.integers(len(BEFORE)))] + text[0].lower() + text[1:]
    return text + AFTER[int(chance.integers(len(AFTER)))]


def _contracted(text: str, chance: Chance) -> str:
    for long, short in CONTRACTED:
        if long in text:
            return text.replace(long, short, 1)
    return text


def _exchanged(text: str, chance: Chance) -> str:
    fitting = [(old, new) for old, new in EXCHANGED if old in text and "`" not in text and '"' not in text]
    if not fitting:
        return text
    old, new = fitting[int(chance.integers(len(fitting)))]
    return text.replace(old, new, 1)


def _small(text: str, chance: Chance) -> str:
    return text if "`" in text else text.lower()


def _unmarked(text: str, chance: Chance) -> str:
    return text.rstrip("?.")


def _louder(text: str, chance: Chance) -> str:
    return text.replace("?", "??") if chance.random() < 0.5 else f"  {text} "  # noqa: PLR2004 - either


def _without_articles(text: str, chance: Chance) -> str:
    return re.sub(r" (?:the|a|an) ", " ", text, count=1) if '"' not in text else text


CHANGES: tuple[Callable[[str, Chance], str], ...] = (
    _polite,
    _contracted,
    _exchanged,
    _exchanged,
    _small,
    _unmarked,
    _louder,
    _without_articles,
)
