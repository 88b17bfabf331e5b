from __future__ import annotations

import logging

import numpy as np
import pytest

from streams.embedding import EmbeddingEngine
from streams.words import LONGEST_PROMPT


@pytest.fixture(scope="module")
def engine() -> EmbeddingEngine:
    return EmbeddingEngine()


def test_vectors_have_length_one_and_texts_without_words_are_zero(engine: EmbeddingEngine) -> None:
    vectors = engine.embed(["a red car", "", " \n ", "ein Satz, mit Komma!"])
    assert vectors.shape == (4, engine.dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 0, 1], abs=1e-5)


def test_no_texts_are_no_vectors(engine: EmbeddingEngine) -> None:
    assert engine.embed([]).shape == (0, engine.dimensions)


def test_similar_texts_are_near(engine: EmbeddingEngine) -> None:
    cat, kitten, tax = engine.embed(
        ["the cat sat on the mat", "a kitten is sitting on a rug", "corporate income tax law"]
    )
    assert cat @ kitten > cat @ tax + 0.2


def test_a_text_has_the_same_vector_in_any_company(engine: EmbeddingEngine) -> None:
    alone = engine.embed(["Prove that 2 + 2 = 4."])
    assert np.allclose(engine.embed(["x y z", "Prove that 2 + 2 = 4."])[1], alone[0], atol=1e-6)


def test_the_mark_of_a_blank_inside_a_word_does_no_harm(engine: EmbeddingEngine) -> None:
    odd, plain = engine.embed(["odd\u2581word plain", "plain"])
    assert np.isfinite(odd).all()
    assert np.linalg.norm(plain) == pytest.approx(1, abs=1e-5)


def test_a_small_memory_begins_anew_and_answers_the_same(engine: EmbeddingEngine) -> None:
    forgetful = EmbeddingEngine(remembered_words=4)
    texts = ["one two three", "four five six seven eight nine", "one nine"]
    one_by_one = np.vstack([forgetful.embed([text]) for text in texts])
    assert np.allclose(one_by_one, engine.embed(texts), atol=1e-5)


def test_a_long_text_counts_by_its_ends(engine: EmbeddingEngine) -> None:
    long, cut = engine.embed(
        ["begin " + "x " * LONGEST_PROMPT + "end", "begin " + "x " * (LONGEST_PROMPT // 2) + "end"]
    )
    assert long @ cut > 0.99


def test_it_leaves_the_logging_of_the_process_alone() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    EmbeddingEngine(remembered_words=4)
    assert (root.handlers, root.level) == before
