"""Questions by scope, found by others in other words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from agents.cache.semantic import cache as semantic
from agents.cache.semantic.cache import SemanticCache
from agents.cache.semantic.verifier import Verifier
from agents.cache.vectors.ivf import InvertedFile
from schemas.batch import Asked

DELTA = 0.05
QUESTION, OTHER, SWAPPED = (
    "What is the capital city of Chad?",
    "What's the capital city of Chad?",
    "Which city of the capital is Chad?",
)
Make = Callable[[], SemanticCache]


@pytest.fixture
def make(verifier: Verifier) -> Make:
    return partial(SemanticCache, verifier, partial(InvertedFile, verifier.engine.dimensions), 3, 0.5)


def key_of(cache: SemanticCache, text: str, scope: str = "s", delta: float = DELTA) -> str | None:
    [found] = cache.find([(Asked(scope, text), delta)])
    return found.key if found is not None and found.hit else None


def test_a_question_is_found_by_another_that_means_the_same(make: Make) -> None:
    cache = make()
    assert key_of(cache, OTHER) is None
    cache.add("k", Asked("s", QUESTION))
    assert key_of(cache, OTHER) == "k"
    assert key_of(cache, SWAPPED) is None
    assert key_of(cache, OTHER, delta=1e-9) is None


def test_questions_with_other_numbers_are_not_even_read(make: Make) -> None:
    cache = make()
    cache.add("5", Asked("s", "Convert 5 km to miles"))
    cache.add("1000", Asked("s", "Convert 1,000 yards to feet"))
    for text in ("Convert 6 km to miles", "Convert 5.5 km to miles", "Convert 2000 yards to feet"):
        assert cache.find([(Asked("s", text), DELTA)]) == [None]
    assert key_of(cache, "Convert 5 kilometers to miles") == "5"
    assert key_of(cache, "Convert 1000 yards to feet.") == "1000"
    [spelled] = cache.find([(Asked("s", "Convert six km to miles"), DELTA)])
    assert spelled is not None, "what is written in words is for the verifier to tell"


def test_scopes_do_not_meet(make: Make) -> None:
    cache = make()
    cache.add("k", Asked("s", QUESTION))
    assert key_of(cache, QUESTION, "t") is None
    found = cache.find([(Asked("t", QUESTION), DELTA), (Asked("s", QUESTION), DELTA)])
    assert [None if one is None else one.key for one in found] == [None, "k"]


def test_what_is_removed_is_not_found_whether_it_was_looked_up_or_not(make: Make) -> None:
    cache = make()
    cache.add("looked-up", Asked("s", QUESTION))
    assert key_of(cache, OTHER) == "looked-up"
    cache.add("fresh", Asked("s", OTHER))
    cache.remove("looked-up")
    cache.remove("fresh")
    cache.remove("never-there")
    assert (len(cache), key_of(cache, OTHER)) == (0, None)
    cache.add("again", Asked("s", QUESTION))
    assert key_of(cache, OTHER) == "again"


def test_one_that_is_added_again_takes_its_own_place(make: Make) -> None:
    cache = make()
    for _ in range(2):
        cache.add("k", Asked("s", QUESTION))
        assert key_of(cache, OTHER) == "k"
    assert len(cache) == 1


def test_a_scope_that_grows_keeps_what_it_has(make: Make) -> None:
    cache = make()
    count = semantic.SMALL + semantic.EMBEDDED_AT_ONCE + 1
    for number in range(count):
        cache.add(f"k{number}", Asked("s", f"What is {number} plus {number}?"))
    cache.add("k", Asked("s", QUESTION))
    assert key_of(cache, OTHER) == "k"
    assert key_of(cache, "What is 5 plus 5?") == "k5"
    cache.remove("k5")
    assert key_of(cache, "What is 5 plus 5?") is None
    assert len(cache) == count
