"""Pairs of questions by rule: paraphrases that may share an answer, and changes of one thing that may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from agents.cache.semantic.generated.families import Families, Family, Part, families
from agents.cache.semantic.generated.wording import reworded

MODIFIABLE = frozenset({"animal", "device", "food", "company", "city", "disease", "beast", "gadget", "dish", "firm"})
"""Fillers that an adjective makes something else of."""
PARAPHRASE = "paraphrase"
SHARE_SAME = 0.45
"""Of pairs that may share an answer."""
T = TypeVar("T")
OTHERWISE = tuple(
    (old, new)
    for old, others in {
        "How do I ": ("Why should I ", "When should I ", "Where can I ", "Who can ", "How often do I ", "Why can't I "),
        "How can I ": ("Why can I ", "When can I ", "Where can I ", "How often can I "),
        "Why does ": ("When does ", "How does ", "Where does ", "How often does "),
        "Why is ": ("When is ", "How is ", "Where is "),
        "Why did ": ("When did ", "How did ", "Where did "),
        "When was ": ("Where was ", "Why was ", "How was ", "Who was "),
        "When does ": ("Where does ", "Why does ", "How does "),
        "Where can I ": ("When can I ", "Why can I ", "How can I "),
        "Where is ": ("When is ", "Why is ", "How is ", "Who is "),
        "Where did ": ("When did ", "Why did ", "How did "),
        "How did ": ("When did ", "Why did ", "Where did "),
        "How is ": ("When is ", "Why is ", "Where is "),
        "Who ": ("When ", "Why ", "How many "),
        "What is the ": ("Where is the ", "Who is the ", "Why is the ", "When is the "),
        "What are the ": ("Where are the ", "How many are the ", "Who are the "),
        "Is ": ("Why is ", "When is ", "Where is ", "How is "),
        "Can I ": ("When can I ", "Where can I ", "Why can I "),
        "Does ": ("Why does ", "When does ", "Where does ", "How does "),
        "Do ": ("Why do ", "When do ", "Where do ", "How do "),
        "Did ": ("Why did ", "When did ", "Where did ", "How did "),
    }.items()
    for new in others
)
Values = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class GeneratedPair:
    """Two questions.

    Attributes:
        first: One.
        second: The other.
        same: Whether they may share an answer.
        category: `paraphrase`, or what was changed.
        family: Number of the family of questions in its part.
    """

    first: str
    second: str
    same: bool
    category: str
    family: int


def hard_pairs(part: Part, count: int, seed: int) -> list[GeneratedPair]:
    """Return so many different pairs, the same for the same seed."""
    chance = np.random.default_rng(seed)
    known = families(part)
    found: dict[tuple[str, str], GeneratedPair] = {}
    while len(found) < count:
        number = int(chance.integers(len(known.families)))
        pair = _pair(number, known, chance)
        if pair is not None and (pair.same or pair.first.lower() != pair.second.lower()):
            found.setdefault((pair.first, pair.second), pair)
    return list(found.values())


def _pair(number: int, known: Families, chance: np.random.Generator) -> GeneratedPair | None:
    family = known.families[number]
    values = _filled(family, known, chance)
    form = _pick(family.same, chance)
    if chance.random() < SHARE_SAME:
        first, second = _paraphrase(family, form, values, chance)
        return GeneratedPair(first, second, True, PARAPHRASE, number)
    category = _pick(_changes(family, known), chance)
    changed = dict(values)
    other = form if chance.random() < 0.5 else _pick(family.same, chance)  # noqa: PLR2004 - as often in other words
    if category == "swap":
        one, two = family.swap
        changed[one], changed[two] = values[two], values[one]
    elif category == "negation":
        other = _pick(family.negated, chance)
    elif category == "question":
        other = _asked_otherwise(form, chance) or _pick(family.other or family.same, chance)
        if other in family.same:
            return None
    elif category == "restriction":
        other = _limited(other, _pick(known.fillers["limit"], chance)[0])
    elif category == "modifier":
        slot = _pick(_modifiable(family), chance)
        changed[slot] = (f"{_pick(known.fillers['modifier'], chance)[0]} {values[slot][0]}",)
    else:
        slot = category.removeprefix("slot ")
        category = known.category(family.slots[slot])
        replaced = _replaced(family.slots[slot], slot, values, known, chance)
        if replaced is None:
            return None
        changed[slot] = replaced
    first, second = _render(form, values, chance), _render(other, changed, chance)
    first, second = _loosely(first, second, chance)
    return GeneratedPair(first, second, False, category, number)


def _changes(family: Family, known: Families) -> list[str]:
    """Return what may be changed; a slot with opposites or quantifiers twice, since those are the hardest."""
    changes = [f"slot {slot}" for slot in family.slots]
    hardest = {"direction", "quantifier"}
    changes += [f"slot {slot}" for slot, name in family.slots.items() if known.category(name) in hardest]
    changes += ["swap", "swap"] if family.swap else []
    changes += ["negation", "negation"] if family.negated else []
    changes += ["question", "question"] if family.other else ["question"]
    changes += ["restriction"] if family.limits else []
    changes += ["modifier"] if _modifiable(family) else []
    return changes


def _paraphrase(family: Family, form: str, values: Values, chance: np.random.Generator) -> tuple[str, str]:
    changed = dict(values)
    if family.either and chance.random() < 0.5:  # noqa: PLR2004 - as often as not
        one, two = family.either
        changed[one], changed[two] = values[two], values[one]
    first = _render(form, values, chance)
    second = _render(_pick(family.same, chance), changed, chance)
    return _loosely(first, second, chance)


def _asked_otherwise(form: str, chance: np.random.Generator) -> str | None:
    """Return a form that asks something else by its first words alone; None half of the time, or where it cannot."""
    fitting = [(old, new) for old, new in OTHERWISE if form.startswith(old)]
    if not fitting or chance.random() < 0.5:  # noqa: PLR2004 - the family's own say it in other words
        return None
    old, new = _pick(fitting, chance)
    return new + form.removeprefix(old)


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


def _modifiable(family: Family) -> list[str]:
    return [slot for slot, name in family.slots.items() if name in MODIFIABLE]


def _limited(text: str, limit: str) -> str:
    mark = text[-1] if text[-1] in "?." else ""
    return f"{text.removesuffix(mark)} {limit}{mark}"


def _pick(values: Sequence[T], chance: np.random.Generator) -> T:
    return values[int(chance.integers(len(values)))]
