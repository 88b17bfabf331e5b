from __future__ import annotations

import pytest

from agents.cache.semantic.knowledge import shipped
from agents.cache.semantic.lexicon import Lexicon
from agents.cache.semantic.store import SHIPPED, load
from agents.cache.semantic.verifier import Verifier
from streams.embedding import EmbeddingEngine


@pytest.fixture(scope="session")
def engine() -> EmbeddingEngine:
    return EmbeddingEngine()


@pytest.fixture(scope="session")
def verifier(engine: EmbeddingEngine) -> Verifier:
    return Verifier(load(SHIPPED, engine.name), engine)


@pytest.fixture
def lexicon(engine: EmbeddingEngine) -> Lexicon:
    return Lexicon(shipped(), engine.sums)
