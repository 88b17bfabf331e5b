"""Pairs of questions by rule: paraphrases that may share an answer, and changes of one thing that may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from agents.cache.semantic.generated.families import Families, Family, Part, families
from agents.cache.semantic.generated.wording import reworded

PARAPHRASE = "paraphrase"
SHARE_SAME = 0.45
"""Of pairs that may share an answer."""
T = TypeVar("T")
Values = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class GeneratedPair:
    """Two questions.

    Attributes:
        first: One.
        second: The other.
        same: Whether they may share an answer.
        category: `paraphrase`, or what was changed.
    """

    first: str
    second: str
    same: bool
    category: str


def hard_pairs(part: Part, count: int, seed: int) -> list[GeneratedPair]:
    """Return so many different pairs, the same for the same seed."""
    chance = np.random.default_rng(seed)
    known = families(part)
    found: dict[tuple[str, str], GeneratedPair] = {}
    while len(found) < count:
        family = known.families[int(chance.integers(len(known.families)))]
        pair = _pair(family, known, chance)
        if pair is not None and (pair.same or pair.first.lower() != pair.second.lower()):
            found.setdefault((pair.first, pair.second), pair)
    return list(found.values())


def _pair(family: Family, known: Families, chance: np.random.Generator) -> GeneratedPair | None:
    values = _filled(family, known, chance)
    form = _pick(family.same, chance)
    if chance.random() < SHARE_SAME:
        return _paraphrase(family, form, values, chance)
    category = _pick(_changes(family, known), chance)
    changed = dict(values)
    other = form if chance.random() < 0.5 else _pick(family.same, chance)  # noqa: PLR2004 - as often in other words
    if category == "swap":
        one, two = family.swap
        changed[one], changed[two] = values[two], values[one]
    elif category == "negation":
        other = _pick(family.negated, chance)
    elif category == "question":
        other = _pick(family.other, chance)
    elif category == "restriction":
        other = _limited(other, _pick(known.fillers["limit"], chance)[0])
    else:
        slot = category.removeprefix("slot ")
        category = known.category(family.slots[slot])
        replaced = _replaced(family.slots[slot], slot, values, known, chance)
        if replaced is None:
            return None
        changed[slot] = replaced
    first, second = _render(form, values, chance), _render(other, changed, chance)
    first, second = _loosely(first, second, chance)
    return GeneratedPair(first, second, False, category)


def _changes(family: Family, known: Families) -> list[str]:
    """Return what may be changed; a slot with opposites or quantifiers twice, since those are the hardest."""
    changes = [f"slot {slot}" for slot in family.slots]
    hardest = {"direction", "quantifier"}
    changes += [f"slot {slot}" for slot, name in family.slots.items() if known.category(name) in hardest]
    changes += ["swap", "swap"] if family.swap else []
    changes += ["negation", "negation"] if family.negated else []
    changes += ["question"] if family.other else []
    changes += ["restriction"] if family.limits else []
    return changes


def _paraphrase(family: Family, form: str, values: Values, chance: np.random.Generator) -> GeneratedPair:
    changed = dict(values)
    if family.either and chance.random() < 0.5:  # noqa: PLR2004 - as often as not
        one, two = family.either
        changed[one], changed[two] = values[two], values[one]
    first = _render(form, values, chance)
    second = _render(_pick(family.same, chance), changed, chance)
    first, second = _loosely(first, second, chance)
    return GeneratedPair(first, second, True, PARAPHRASE)


def _loosely(first: str, second: str, chance: np.random.Generator) -> tuple[str, str]:
    """Return both in somewhat other words, in either order."""
    first, second = reworded(first, chance), reworded(second, chance)
    return (first, second) if chance.random() < 0.5 else (second, first)  # noqa: PLR2004 - either way


def _filled(family: Family, known: Families, chance: np.random.Generator) -> dict[str, tuple[str, ...]]:
    values: dict[str, tuple[str, ...]] = {}
    for slot, name in family.slots.items():
        values[slot] = _pick([value for value in known.fillers[name] if value not in values.values()], chance)
    return values


def _replaced(
    name: str, slot: str, values: Values, known: Families, chance: np.random.Generator
) -> tuple[str, ...] | None:
    """Return another filler for a slot: the opposite where there is one."""
    if name in known.opposites:
        for left, right in known.opposites[name]:
            if values[slot][0] in {left, right}:
                return (right,) if values[slot][0] == left else (left,)
    others = [value for value in known.fillers[name] if value not in values.values()]
    return _pick(others, chance) if others else None


def _render(form: str, values: Values, chance: np.random.Generator) -> str:
    text = form.format(**{slot: _pick(spellings, chance) for slot, spellings in values.items()})
    return text[0].upper() + text[1:]


def _limited(text: str, limit: str) -> str:
    mark = text[-1] if text[-1] in "?." else ""
    return f"{text.removesuffix(mark)} {limit}{mark}"


def _pick(values: Sequence[T], chance: np.random.Generator) -> T:
    return values[int(chance.integers(len(values)))]
