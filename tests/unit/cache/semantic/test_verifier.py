from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.semantic.found import accepted
from agents.cache.semantic.generated.families import families
from agents.cache.semantic.generated.pairs import hard_pairs
from agents.cache.semantic.verifier import Question, Verifier

DELTA = 0.02
SEED = 11
PAIRS = 3_000


def probability(verifier: Verifier, first: str, second: str, before: tuple[str, str] = ("", "")) -> float:
    (found,) = verifier.probabilities([Question(first, before[0])], [Question(second, before[1])]).tolist()
    return float(found)


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=80))
def test_the_same_text_is_the_same_question(verifier: Verifier, text: str) -> None:
    assert probability(verifier, text, f" {text}\n") > 0.99


@settings(max_examples=50, deadline=None)
@given(first=st.text(max_size=40), second=st.text(max_size=40))
def test_it_is_symmetric(verifier: Verifier, first: str, second: str) -> None:
    assert probability(verifier, first, second) == pytest.approx(probability(verifier, second, first), abs=1e-4)


@pytest.mark.parametrize(
    ("question", "same", "other"),
    [
        (
            "How do I convert ethane to ethene?",
            "How can I convert ethane to ethene?",
            "How do I convert ethene to ethane?",
        ),
        ("Do lions eat zebras?", "Are zebras eaten by lions?", "Do zebras eat lions?"),
        ("Flights from Rome to Oslo", "Flights to Oslo from Rome", "Flights from Oslo to Rome"),
        ("Which fruits contain sugar?", "What fruits contain sugar?", "Which fruits contain no sugar?"),
        ("Convert 5 km to miles", "Convert five kilometers to miles", "Convert 6 km to miles"),
        ("Convert 5 km to miles", "How many miles are 5 km?", "Convert 5 km to yards"),
        ("Is it open on May 2?", "Is it open on 2 May?", "Is it open on May 3?"),
        ("How do I sort a list in Python?", "How can I sort a list in Python?", "How do I sort a list in Java?"),
        ("Is gold heavier than iron?", "Is it true that gold is heavier than iron?", "Is gold lighter than iron?"),
        ("Do all birds fly?", "Is it true that all birds fly?", "Do some birds fly?"),
        ("What is the capital of Chad?", "What's Chad's capital city?", "What is the capital of Mali?"),
        ("Why is the sky blue?", "What is the reason the sky is blue?", "When is the sky blue?"),
    ],
)
def test_a_change_of_meaning_lowers_it_and_other_words_do_not(
    verifier: Verifier, question: str, same: str, other: str
) -> None:
    assert probability(verifier, question, same) > probability(verifier, question, other)
    assert not accepted(probability(verifier, question, other), DELTA)


@st.composite
def swapped(draw: st.DrawFn) -> tuple[str, str]:
    known = families("test")
    family = draw(st.sampled_from([family for family in known.families if family.swap]))
    values: dict[str, str] = {}
    for slot, name in family.slots.items():
        left = [filler[0] for filler in known.fillers[name] if filler[0] not in values.values()]
        values[slot] = draw(st.sampled_from(left))
    one, two = family.swap
    form = draw(st.sampled_from(list(family.same)))
    return form.format(**values), form.format(**{**values, one: values[two], two: values[one]})


@settings(max_examples=100, deadline=None)
@given(pair=swapped())
def test_swapped_arguments_lower_it(verifier: Verifier, pair: tuple[str, str]) -> None:
    first, second = pair
    assert probability(verifier, first, second) < probability(verifier, first, first)
    assert not accepted(probability(verifier, first, second), DELTA)


def test_what_precedes_must_agree_as_well(verifier: Verifier) -> None:
    last = "And how high is it?"
    agreeing = probability(verifier, last, last, ("Where is Big Ben?", "Where is Big Ben?"))
    apart = probability(verifier, last, last, ("Where is Big Ben?", "Where is the Eiffel Tower?"))
    assert agreeing > 0.99
    assert not accepted(apart, DELTA)


def test_vectors_that_are_known_need_not_be_computed(verifier: Verifier) -> None:
    one, two = [Question("How do I peel an egg?")], [Question("How can I peel an egg?")]
    vectors = tuple(verifier.engine.embed([question.text for question in side]) for side in (one, two))
    given_vectors = verifier.probabilities(one, two, (vectors[0], vectors[1]))
    assert given_vectors == pytest.approx(verifier.probabilities(one, two))


def test_no_pairs_have_no_probabilities(verifier: Verifier) -> None:
    assert verifier.probabilities([], []).shape == (0,)


def test_the_hard_pairs_it_was_not_fitted_on(verifier: Verifier) -> None:
    pairs = hard_pairs("test", PAIRS, SEED)
    chance = verifier.probabilities(
        [Question(pair.first) for pair in pairs], [Question(pair.second) for pair in pairs]
    )
    hit = np.array([accepted(one, DELTA) for one in chance])
    same = np.array([pair.same for pair in pairs])
    assert hit[~same].mean() <= 0.005
    assert hit[same].mean() >= 0.45
