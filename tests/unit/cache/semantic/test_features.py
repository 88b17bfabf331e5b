from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.semantic.features import FEATURES, features
from agents.cache.semantic.knowledge import shipped
from agents.cache.semantic.lexicon import Lexicon
from streams.embedding import EmbeddingEngine

WORDS = (
    "who what how many is are not never from to by than and or , . ? all some more less Paris London Berlin 5 five "
    "10 km miles dog dogs cat bigger smaller German French `x` a < b killed before after 2019 unhappy don't France's"
)
TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS.split()), max_size=24).map(" ".join))


def named(first: str, second: str, lexicon: Lexicon) -> dict[str, float]:
    (row,) = features([first], [second], np.ones(1, np.float32), lexicon).tolist()
    return dict(zip(FEATURES, row, strict=True))


@settings(max_examples=200, deadline=None)
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_which_side_is_first_changes_nothing(pairs: list[tuple[str, str]]) -> None:
    lexicon = _lexicon()
    firsts, seconds = zip(*pairs, strict=True)
    similarity = np.full(len(pairs), 0.5, np.float32)
    one = features(firsts, seconds, similarity, lexicon)
    other = features(seconds, firsts, similarity, lexicon)
    assert np.isfinite(one).all()
    assert one == pytest.approx(other, abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(first=TEXTS, second=TEXTS, others=st.lists(st.tuples(TEXTS, TEXTS), max_size=3))
def test_a_pair_is_the_same_in_any_company(first: str, second: str, others: list[tuple[str, str]]) -> None:
    lexicon = _lexicon()
    alone = features([first], [second], np.ones(1, np.float32), lexicon)
    firsts, seconds = zip(*others, (first, second), strict=True)
    together = features(firsts, seconds, np.ones(len(firsts), np.float32), lexicon)
    assert together[-1] == pytest.approx(alone[0], abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_a_text_differs_from_itself_in_nothing(text: str) -> None:
    found = named(text, text, _lexicon())
    told = [name for name in FEATURES if name.endswith(("_replaced", "_added", "_differ", "_differs", "_changed"))]
    assert {name: found[name] for name in told if found[name]} == {}


_KEPT: list[Lexicon] = []


def _lexicon() -> Lexicon:
    if not _KEPT:
        _KEPT.append(Lexicon(shipped(), EmbeddingEngine().sums))
    return _KEPT[0]


def test_no_pairs_have_no_features(lexicon: Lexicon) -> None:
    assert features([], [], np.zeros(0, np.float32), lexicon).shape == (0, len(FEATURES))


@pytest.mark.parametrize(
    ("feature", "first", "second"),
    [
        ("number_replaced", "Add 5 apples", "Add 6 apples"),
        ("unit_replaced", "How long is 5 km?", "How long is 5 miles?"),
        ("date_replaced", "Is it open on Monday?", "Is it open on Friday?"),
        ("entity_replaced", "Who rules in Oslo?", "Who rules in Lima?"),
        ("language_replaced", "Say it in French", "Say it in German"),
        ("quantifier_replaced", "Do all birds fly?", "Do some birds fly?"),
        ("coordinator_replaced", "tea and milk", "tea or milk"),
        ("code_replaced", "What does read_line do?", "What does read_file do?"),
        ("opposed", "Is it bigger than mine?", "Is it smaller than mine?"),
        ("negations_differ", "Which cities have a port?", "Which cities do not have a port?"),
        ("quoted_differs", "Translate 'yes' now", "Translate 'no' now"),
        ("symbols_differ", "Solve x + 3", "Solve x - 3"),
        ("asks_apart", "When did he die?", "Where did he die?"),
        ("crossed", "Do lions eat zebras?", "Do zebras eat lions?"),
        ("roles_swapped", "Fly from Rome to Oslo", "Fly from Oslo to Rome"),
        ("passive_crossed", "Do lions eat zebras?", "Are lions eaten by zebras?"),
        ("roles_opposed", "Find books by Kafka", "Find books about Kafka"),
        ("modified", "Where can I buy a car?", "Where can I buy a used car?"),
        ("past_differs", "Who is king of Spain?", "Who was king of Spain?"),
        ("ought_differs", "Can I drive there?", "Should I drive there?"),
        ("support_differs", "What eats a lion?", "What does a lion eat?"),
        ("speaker_differs", "How does a robot work?", "How do I work with a robot?"),
        (
            "spoken_differs",
            "Wie hoch ist der Turm und was kostet er?",
            "How high is the tower and what does it cost?",
        ),
    ],
)
def test_what_is_changed_is_seen(feature: str, first: str, second: str, lexicon: Lexicon) -> None:
    assert named(first, second, lexicon)[feature] > 0


@pytest.mark.parametrize(
    ("feature", "first", "second"),
    [
        ("crossed", "Fly from Rome to Oslo", "Fly to Oslo from Rome"),
        ("roles_swapped", "Fly from Rome to Oslo", "Fly to Oslo from Rome"),
        ("crossed", "Compare cats and dogs", "Compare dogs and cats"),
        ("crossed", "Do lions eat zebras?", "Are zebras eaten by lions?"),
        ("passive_crossed", "Do lions eat zebras?", "Are zebras eaten by lions?"),
        ("number_replaced", "Add 5 apples", "Add five apples"),
        ("unit_replaced", "5 km", "5 kilometers"),
        ("roles_changed", "How to peel an egg?", "How do I peel an egg?"),
        ("roles_swapped", "Can I replace milk with water?", "Is it possible to replace milk with water?"),
        ("modified", "the capital of Chad", "the capital city of Chad"),
        ("asks_differ", "How come it rains?", "What is the reason that it rains?"),
    ],
)
def test_what_says_the_same_is_not_taken_for_a_change(
    feature: str, first: str, second: str, lexicon: Lexicon
) -> None:
    assert named(first, second, lexicon)[feature] == 0


def test_a_lexicon_that_forgets_sees_the_same(engine: EmbeddingEngine, lexicon: Lexicon) -> None:
    forgetful = Lexicon(shipped(), engine.sums, remembered=2)
    pairs = [("one two three", "four five six"), ("Fly from Rome to Oslo", "Fly from Oslo to Rome")]
    for first, second in (*pairs, *pairs):
        assert named(first, second, forgetful) == pytest.approx(named(first, second, lexicon), abs=1e-5)
