"""From labelled or generated pairs to a fitted verifier, with what was measured of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.features import features
from agents.cache.semantic.generated.pairs import GeneratedPair, hard_pairs
from agents.cache.semantic.knowledge import shipped
from agents.cache.semantic.lexicon import Lexicon
from agents.cache.semantic.training import Examples, fit
from agents.cache.semantic.verifier import Judgement
from schemas.errors import ConfigurationError
from streams.embedding import EmbeddingEngine

LEAST_PAIRS = 200
LEAST_OF_A_KIND = 50
GENERATED_SHARE = 0.1
"""Generated pairs learned from beside labelled ones, of their number: people seldom swap two arguments, and what is
labelled says too little of it. With as many as labelled ones the area under the curve falls by 0.01."""
GENERATED = 32_000
"""Pairs that the shipped verifier is fitted on."""
KEY_BYTES = 8


def fit_labelled(
    firsts: Sequence[str], seconds: Sequence[str], same: NDArray[np.bool_], engine: EmbeddingEngine, seed: int
) -> tuple[Judgement, dict[str, object]]:
    """Fit on labelled pairs, with some generated ones beside.

    Raises:
        ConfigurationError: There is too little to learn from.
    """
    kinds = {"the same meaning": int(same.sum()), "another meaning": int((~same).sum())}
    if len(same) < LEAST_PAIRS:
        raise ConfigurationError(f"--fit: {len(same)} pairs are too few to learn from; give at least {LEAST_PAIRS}")
    for kind, count in kinds.items():
        if count < LEAST_OF_A_KIND:
            raise ConfigurationError(f"--fit: {count} pairs have {kind}; give at least {LEAST_OF_A_KIND}")
    lexicon = Lexicon(shipped(), engine.sums)
    groups = np.array([_group(text) for text in firsts], dtype=np.int64)
    labelled = examples_of(firsts, seconds, same, groups, engine, lexicon)
    beside = _generated(hard_pairs("fit", int(GENERATED_SHARE * len(same)), seed), engine, lexicon)
    return fit(labelled, beside, engine.name, seed, dense=True)


def fit_generated(engine: EmbeddingEngine, seed: int, count: int = GENERATED) -> tuple[Judgement, dict[str, object]]:
    """Fit on generated pairs alone."""
    lexicon = Lexicon(shipped(), engine.sums)
    return fit(_generated(hard_pairs("fit", count, seed), engine, lexicon), None, engine.name, seed, dense=False)


def examples_of(
    firsts: Sequence[str],
    seconds: Sequence[str],
    same: NDArray[np.bool_],
    groups: NDArray[np.int64],
    engine: EmbeddingEngine,
    lexicon: Lexicon,
) -> Examples:
    """Return pairs as what is learned from."""
    vectors = engine.embed(firsts), engine.embed(seconds)
    columns = features(firsts, seconds, np.einsum("pd,pd->p", *vectors), lexicon)
    return Examples(columns, *vectors, same, groups)


def _generated(pairs: Sequence[GeneratedPair], engine: EmbeddingEngine, lexicon: Lexicon) -> Examples:
    return examples_of(
        [pair.first for pair in pairs],
        [pair.second for pair in pairs],
        np.array([pair.same for pair in pairs]),
        np.array([pair.family for pair in pairs], dtype=np.int64),
        engine,
        lexicon,
    )


def _group(text: str) -> int:
    """Return a number by which pairs with the same first question stay together."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest(), "big", signed=True)
