"""What a prompt and an answer show of whether the answer is right, as numbers for the scorer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log1p

import numpy as np
from numpy.typing import NDArray

from agents.routing.cascade.arithmetic import Equation, equations, numbers
from agents.routing.cascade.wording import hedges, refuses

FINAL = re.compile(r"####\s*\$?\s*(-?)\s*\$?([\d,]*\.?\d+)")
"""The mark of school maths data before the final number."""
CALCULATOR = re.compile(r"<<[^<>]{0,200}>>")
ENDINGS = tuple(".!?)\"'`]}*$%")
NUMBER_WORDS = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|twice|double|triple|third|"
    r"quarter|thrice|percent)\b",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[.?!]\s")
LOOKED_AT = 16_384
MANY = 4

SIGNALS = (
    "no_calculation",
    "calculations",
    "calculator_notes",
    "wrong_calculations",
    "any_wrong_calculation",
    "final_marked",
    "unfinished",
    "final_fraction",
    "final_negative",
    "final_in_prompt",
    "final_is_last_result",
    "final_size",
    "numbers_unused",
    "results_unused",
    "fractions",
    "negative_results",
    "hedges",
    "any_hedge",
    "refusal",
    "answer_length",
    "prompt_length",
    "prompt_numbers",
    "prompt_sentences",
    "steps_for_numbers",
    "answer_lines",
    "empty",
)


def signals_of(prompts: Sequence[str], answers: Sequence[str]) -> NDArray[np.float64]:
    """Return the signals of each pair, of shape (pairs, len(SIGNALS))."""
    rows = [signals(prompt, answer) for prompt, answer in zip(prompts, answers, strict=True)]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(SIGNALS))


def signals(prompt: str, answer: str) -> tuple[float, ...]:
    """Return the signals of one prompt and answer, by the names in `SIGNALS`.

    Counts stop at a few, or are logarithms: the first says most.
    """
    prompt, answer = prompt[:LOOKED_AT], answer[:LOOKED_AT]
    done = equations(answer)
    plain = CALCULATOR.sub("", answer)
    said = numbers(plain)
    named = numbers(prompt)
    asked = set(named)
    mark = FINAL.search(answer)
    final = float(f"{mark[1]}{mark[2].replace(',', '')}") if mark else (said[-1] if said else None)
    wrong = sum(not equation.holds for equation in done)
    results = [equation.stated for equation in done]
    doubts = hedges(answer)
    given = len(named) + len(NUMBER_WORDS.findall(prompt))
    stripped = answer.rstrip()
    values = (
        not done,
        log1p(len(done)),
        log1p(len(CALCULATOR.findall(answer))),
        min(wrong, MANY),
        wrong > 0,
        mark is not None,
        mark is None and not stripped.endswith(ENDINGS),
        final is not None and not final.is_integer(),
        final is not None and final < 0,
        final in asked,
        final is not None and bool(results) and abs(results[-1] - final) < 1e-2,
        log1p(abs(final)) if final is not None else 0.0,
        min(len(asked - set(said) - {term for equation in done for term in equation.terms}), MANY),
        min(_unused(done, final), MANY),
        min(sum(not result.is_integer() for result in results), MANY),
        any(result < 0 for result in results),
        min(doubts, MANY),
        doubts > 0,
        refuses(answer),
        log1p(len(answer)),
        log1p(len(prompt)),
        min(given, 3 * MANY),
        log1p(len(SENTENCE.findall(prompt))),
        max(-3 * MANY, min(len(done) - given, MANY)),
        log1p(stripped.count("\n")),
        not stripped,
    )
    return tuple(float(value) for value in values)


def _unused(done: Sequence[Equation], final: float | None) -> int:
    """Return how many results but the last are never calculated with and are not the final number."""
    terms = {term for equation in done for term in equation.terms}
    return len({equation.stated for equation in done[:-1]} - terms - {final})
