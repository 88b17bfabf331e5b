"""Makes the verifier that is shipped, from generated pairs alone: `python scripts/fit_verifier.py`."""

from __future__ import annotations

import sys

from agents.cache.semantic.fitting import fit_generated
from agents.cache.semantic.store import SHIPPED, save
from streams.embedding import EmbeddingEngine

SEED = 3


def main() -> None:
    """Fit and write it."""
    judgement, measured = fit_generated(EmbeddingEngine(), SEED)
    save(judgement, SHIPPED, measured)
    sys.stdout.write(f"{SHIPPED}: {measured}\n")


if __name__ == "__main__":
    main()
