from __future__ import annotations

import re
from collections import Counter

import pytest

from agents.cache.semantic.generated.families import Part, families
from agents.cache.semantic.generated.pairs import hard_pairs

PARTS: tuple[Part, ...] = ("fit", "test")
CATEGORIES = {"swap", "negation", "number", "unit", "date", "entity", "language", "direction", "quantifier"}


@pytest.mark.parametrize("part", PARTS)
def test_every_form_uses_every_slot(part: Part) -> None:
    """A change of a slot that a form leaves out would change nothing."""
    for family in families(part).families:
        for form in (*family.same, *family.negated):
            assert set(re.findall(r"{(\w+)}", form)) == set(family.slots), form
        for form in family.other:
            assert set(re.findall(r"{(\w+)}", form)) <= set(family.slots), form


def test_the_parts_share_no_form() -> None:
    fit, test = ({form for family in families(part).families for form in family.same} for part in PARTS)
    assert fit.isdisjoint(test)


@pytest.mark.parametrize("part", PARTS)
def test_every_kind_of_change_is_made(part: Part) -> None:
    pairs = hard_pairs(part, 3000, seed=5)
    counts = Counter(pair.category for pair in pairs)
    assert counts.keys() >= CATEGORIES | {"paraphrase"}
    assert len({(pair.first, pair.second) for pair in pairs}) == len(pairs)
    assert all(pair.same == (pair.category == "paraphrase") for pair in pairs)


def test_the_same_seed_makes_the_same_pairs() -> None:
    assert hard_pairs("test", 100, seed=1) == hard_pairs("test", 100, seed=1)
    assert hard_pairs("test", 100, seed=1) != hard_pairs("test", 100, seed=2)


def test_what_must_not_be_shared_is_not_merely_written_otherwise() -> None:
    for pair in hard_pairs("fit", 2000, seed=4):
        if not pair.same:
            assert pair.first.lower().strip(" ?.") != pair.second.lower().strip(" ?.")
