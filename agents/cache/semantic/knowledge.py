"""What is known of words before anything is learned: read from `words.yaml`, by word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from agents.cache.semantic.phrasing import Phrasing
from agents.cache.semantic.stems import stem

WORDS = Path(__file__).with_name("words.yaml")
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
NUMERAL = re.compile(r"\d+(?:[.,]\d+)*")
STRONG = frozenset({"from", "to", "than", "by", "before", "after", "over", "under", "against", "about", "minus"})
"""Roles that change who does what to whom."""
LEAST_NEGATED = 6
"""Characters of a word that may begin with a negating `un`."""


class Kind(IntFlag):
    """What a word may be; the order is that of the features."""

    CONTENT = 1
    NUMBER = 2
    UNIT = 4
    DATE = 8
    ENTITY = 16
    QUANTIFIER = 32
    NEGATION = 64
    DIRECTION = 128
    LANGUAGE = 256
    SYMBOL = 512
    CODE = 1024
    FUNCTION = 2048
    IDLE = 4096
    SCALE = 8192
    COORDINATOR = 16384
    LIGHT = 32768


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of one word.

    Attributes:
        concept: The same for words that mean the same.
        kinds: What it may be.
        axis: Number of the pair of opposites it is of, or -1.
        sign: 1 on the left of that pair, -1 on the right, 0 on none.
        role: What a preposition makes of the words after it; 0 for a word that ends such a phrase, -1 for all others.
        spoken: One bit per language that has this word to itself.
        value: Of a number.
    """

    concept: str
    kinds: Kind
    axis: int = -1
    sign: int = 0
    role: int = -1
    spoken: int = 0
    value: float = 0.0


class Knowledge:
    """The shipped lists, turned into look-ups.

    Args:
        lists: As in `words.yaml`.
    """

    def __init__(self, lists: Mapping[str, Any]) -> None:
        self.function = frozenset(lists["function"].split())
        self._kinds: dict[str, Kind] = {}
        for kind, words in (
            (Kind.FUNCTION, lists["function"].split()),
            (Kind.IDLE, lists["idle"].split()),
            (Kind.LIGHT, lists["light"].split()),
            (Kind.NEGATION, lists["negation"].split()),
            (Kind.COORDINATOR, lists["coordinators"].split()),
            (Kind.QUANTIFIER, _flat(lists["quantifiers"])),
            (Kind.UNIT, _flat(lists["units"])),
            (Kind.DATE, _flat(lists["dates"])),
            (Kind.LANGUAGE, lists["languages"].split()),
            (Kind.ENTITY, lists["places"].split()),
            (Kind.SCALE, lists["scales"]),
        ):
            for word in words:
                self._kinds[word] = self._kinds.get(word, Kind(0)) | kind
        self._ends_phrase = frozenset(lists["ends_phrase"].split())
        self.auxiliaries = _bits(lists["auxiliaries"].values())
        self.verbs = frozenset(lists["verbs"].split())
        self.phrasing = Phrasing(lists["phrases"])
        self._not_negated = frozenset(lists["not_negated"].split())
        self.asks = {
            form: kind
            for word, kind in _places(lists["question"].values()).items()
            for form in (word, word.capitalize(), word.upper())
        }
        self._roles = _places(lists["roles"].values())
        self.strong = np.array([False, *(name in STRONG for name in lists["roles"])])
        self.role_of, self.role_by = self._roles["of"], self._roles["by"]
        self.languages = tuple(lists["spoken"])
        self._spoken = _bits(lists["spoken"].values())
        self._axes: dict[str, tuple[int, int]] = {}
        for axis, line in enumerate(lists["opposites"]):
            for sign, words in zip((1, -1), line.split("|"), strict=True):
                for word in words.split():
                    self._axes.setdefault(word, (axis, sign))
                    self._axes.setdefault(stem(word), (axis, sign))
        self.axes = len(lists["opposites"])
        self._concepts: dict[str, str] = {}
        for line in (*lists["quantifiers"], *lists["units"], *lists["dates"], *lists["synonyms"]):
            words = line.split()
            for word in words:
                self._concepts.setdefault(word, words[0])
                self._concepts.setdefault(stem(word), words[0])
        self.scales: dict[str, float] = {word: float(value) for word, value in lists["scales"].items()}
        self._values = {word: float(number) for number, word in enumerate(lists["numbers"].split())}
        self._values |= {word: 10.0 * number for number, word in enumerate(lists["tens"].split(), start=3)}

    def meaning(self, word: str) -> Meaning:
        """Return what is known of a word as it was written."""
        small = word.lower()
        value = self._value(small)
        if value is not None:
            return Meaning(number_concept(value), Kind.NUMBER, value=value)
        kinds = self._kinds.get(small, Kind(0))
        if not small[0].isalpha() and small[0] != "_":
            return Meaning(self._concepts.get(small, small), kinds | Kind.SYMBOL)
        axis, sign = self._axes.get(small) or self._axes.get(stem(small)) or (-1, 0)
        if axis >= 0:
            kinds |= Kind.DIRECTION
        if _is_code(word):
            return Meaning(word, kinds | Kind.CODE | Kind.CONTENT)
        if not kinds & (Kind.FUNCTION | Kind.ENTITY | Kind.LANGUAGE) and word[0].isupper():
            kinds |= Kind.ENTITY
        positive = self._without_negation(small) if not kinds & ~Kind.ENTITY else small
        if positive != small:
            kinds |= Kind.NEGATION
        if not kinds & (Kind.FUNCTION | Kind.COORDINATOR) or kinds & (Kind.UNIT | Kind.DATE | Kind.LANGUAGE):
            kinds |= Kind.CONTENT
        role = self._roles.get(small, 0 if small in self._ends_phrase else -1)
        concept = self._concepts.get(positive) or self._concepts.get(stem(positive)) or stem(positive)
        return Meaning(concept, kinds, axis, sign, role, self._spoken.get(small, 0))

    def _value(self, small: str) -> float | None:
        if NUMERAL.fullmatch(small):
            return numeral(small)
        return self._values.get(small)

    def _without_negation(self, small: str) -> str:
        """Return a word without the `un` that negates it; what it was where there is none."""
        if small.startswith("un") and len(small) >= LEAST_NEGATED and small not in self._not_negated:
            return small[2:]
        return small


def numeral(text: str) -> float:
    """Return what digits with points and commas are worth; commas part thousands, or decimals where one must."""
    head, comma, tail = text.rpartition(",")
    if comma and "." not in text and len(tail) != 3:
        return _float(f"{head.replace(',', '')}.{tail}", text)
    return _float(text.replace(",", ""), text)


def number_concept(value: float) -> str:
    """Return the concept of a number, the same however it is written."""
    return f"#{value:.10g}"


@lru_cache(maxsize=1)
def shipped() -> Knowledge:
    """Return the knowledge that is shipped."""
    return Knowledge(yaml.load(WORDS.read_text(encoding="utf-8"), _LOADER))  # noqa: S506 - a safe one


def _float(text: str, written: str) -> float:
    """Return the number; one of a version or an address, such as 1.2.3, by a fingerprint of its digits."""
    try:
        return float(text)
    except ValueError:
        parts = [float(part) for part in re.split(r"[.,]", written)]
        return sum(part * 1e-3**place for place, part in enumerate(parts)) + len(parts) * 1e-9


def _is_code(word: str) -> bool:
    """Return whether it is a name in a program: it has an underscore, a digit within, or a capital after a small."""
    if word.isalpha():
        return not word.isupper() and any(small.islower() and large.isupper() for small, large in pairwise(word))
    return True


def _flat(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from line.split()


def _places(lines: Iterable[str]) -> dict[str, int]:
    """Return the number of the line, from 1, by word."""
    places: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        for word in line.split():
            places.setdefault(word, number)
    return places


def _bits(lines: Iterable[str]) -> dict[str, int]:
    """Return one bit for each line that a word is in, by word."""
    bits: dict[str, int] = {}
    for number, line in enumerate(lines):
        for word in line.split():
            bits[word] = bits.get(word, 0) | 1 << number
    return bits
