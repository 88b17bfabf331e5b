"""The semantic tier as it is configured."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from agents.cache.questions import Questions
from schemas.settings import Settings


def configured_questions(settings: Settings) -> Callable[[], Questions] | None:
    """Return what makes the empty semantic tier of a partition; None where questions are not compared.

    What compares them is loaded here and not where it is not needed: the embedding takes a second and 100 MB.

    Raises:
        ConfigurationError: The verifier cannot be read.
    """
    if not settings.semantic.enabled:
        return None
    from agents.cache.semantic.cache import SemanticCache
    from agents.cache.semantic.store import SHIPPED, load
    from agents.cache.semantic.verifier import Verifier
    from agents.cache.vectors.engines import open_database
    from streams.embedding import EmbeddingEngine

    section = settings.semantic
    engine = EmbeddingEngine()
    verifier = Verifier(load(section.verifier or SHIPPED, engine.name), engine)
    merger = ThreadPoolExecutor(1, thread_name_prefix="vectors")
    open_index = partial(open_database, settings.vectors, engine.dimensions, merger)

    def make() -> Questions:
        found = SemanticCache(verifier, open_index, section.candidates, section.least_similarity)
        return Questions(section, found)

    return make
