"""Calculations that stand in a text, and whether they come out as the text says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
TOKEN = re.compile(rf"(?P<number>{NUMBER})|(?P<word>[^\W\d_]+)|(?P<sign>[-+*/\u00d7\u00f7=()%])|\S")
OPERATORS = {"+": "+", "-": "-", "*": "*", "/": "/", "\u00d7": "*", "\u00f7": "/", "x": "*", "X": "*"}
CURRENCY = "$"
SIGNS = frozenset("+-*/")
LONGEST_TEXT = 16_384
MOST_TERMS = 64
UNIT_WORDS = 3
"""Words between a number and the operator after it that are read as its unit: `15 cups of lemonade * 4 = 60`."""
ABSOLUTE = 0.011
RELATIVE = 0.006
"""A result may be rounded to cents, or to about three digits."""


@dataclass(frozen=True, slots=True)
class Equation:
    """A calculation and what the text says it comes to.

    Attributes:
        terms: The numbers that are calculated with.
        value: What the calculation comes to.
        stated: What the text says.
    """

    terms: tuple[float, ...]
    value: float
    stated: float

    @property
    def holds(self) -> bool:
        """Whether both are equal, but for rounding."""
        return abs(self.value - self.stated) <= max(ABSOLUTE, RELATIVE * abs(self.value))


def equations(text: str) -> list[Equation]:
    """Return every calculation with at least one operator and a stated result, in the order of the text.

    Read are plain ones, `3 x 4 = 12` or `12 eggs / 2 = 6`, and those in the notation of school maths data,
    `<<3*4=12>>`. A calculation with letters is left out.
    """
    found = []
    for line in text[:LONGEST_TEXT].splitlines():
        tokens = list(_tokens(line))
        for at, token in enumerate(tokens):
            stated = _stated(tokens[at + 1 : at + 4]) if token == "=" else None  # noqa: S105 - no secret
            terms = _left_of(tokens, at) if stated is not None else []
            value = evaluate(terms) if len(terms) > 1 else None
            if stated is not None and value is not None:
                percent = "%" in tokens[at + 2 : at + 4] and abs(stated / 100 - value) < abs(stated - value)
                used = tuple(term for term in terms if isinstance(term, float))
                found.append(Equation(used, value, stated / 100 if percent else stated))
    return found


def numbers(text: str) -> list[float]:
    """Return the numbers in a text, without sign, in its order."""
    return [token for token in _tokens(text[:LONGEST_TEXT]) if isinstance(token, float)]


def evaluate(terms: Sequence[str | float]) -> float | None:
    """Return what numbers, `+-*/` and brackets come to; None where they are no calculation or divide by 0."""
    reader = _Reader(terms)
    try:
        value = reader.sum()
    except (ValueError, ZeroDivisionError, RecursionError):
        return None
    return value if reader.at == len(terms) else None


class _Reader:
    """Reads a calculation by recursive descent: sums of products of numbers and brackets."""

    def __init__(self, terms: Sequence[str | float]) -> None:
        self._terms = terms
        self.at = 0

    def sum(self) -> float:
        value = self._product()
        while self._next() in ("+", "-"):
            sign = 1.0 if self._take() == "+" else -1.0
            value += sign * self._product()
        return value

    def _product(self) -> float:
        value = self._factor()
        while self._next() in ("*", "/"):
            value = value * self._factor() if self._take() == "*" else value / self._factor()
        return value

    def _factor(self) -> float:
        term = self._take()
        if isinstance(term, float):
            return term
        if term == "-":
            return -self._factor()
        if term == "(":
            value = self.sum()
            if self._take() == ")":
                return value
        raise ValueError(term)

    def _next(self) -> str | float | None:
        return self._terms[self.at] if self.at < len(self._terms) else None

    def _take(self) -> str | float:
        term = self._next()
        if term is None:
            raise ValueError("it ends too early")
        self.at += 1
        return term


def _tokens(text: str) -> Iterator[str | float]:
    """Yield numbers as floats, operators and brackets as such, words as they are, and `|` for what ends a term."""
    for match in TOKEN.finditer(text):
        kind, said = match.lastgroup, match.group()
        if kind == "number":
            yield float(said.replace(",", ""))
        elif said in OPERATORS:
            yield OPERATORS[said]
        elif kind in ("word", "sign"):
            yield said
        elif said != CURRENCY:
            yield "|"


def _stated(after: Sequence[str | float]) -> float | None:
    """Return the number right after the sign of equality; None where the calculation goes on behind it."""
    negative = bool(after) and after[0] == "-"
    number, *behind = (*after[1:], "|") if negative else (*after[:2], "|")
    if not isinstance(number, float) or (behind and behind[0] in SIGNS):
        return None
    return -number if negative else number


def _left_of(tokens: Sequence[str | float], end: int) -> list[str | float]:
    """Return the longest calculation that ends before the token at `end`, units left out and `%` divided."""
    terms: list[str | float] = []
    words = 0
    for token in reversed(tokens[max(0, end - MOST_TERMS) : end]):
        if isinstance(token, float):
            if terms and isinstance(terms[-1], float):
                break
            words = 0
            terms.append(token)
        elif token in SIGNS or token in ("(", ")"):
            words = 0
            terms.append(token)
        elif token == "%":  # noqa: S105 - no secret
            terms += [100.0, "/"]
        elif token in ("=", "|") or words == UNIT_WORDS:
            break
        else:
            words += 1
    terms.reverse()
    while terms and terms[0] in ("+", "*", "/", ")"):
        terms.pop(0)
    opened = sum(1 if term == "(" else -1 for term in terms if term in ("(", ")"))
    while opened > 0 and terms and terms[0] == "(":
        terms.pop(0)
        opened -= 1
    return terms
