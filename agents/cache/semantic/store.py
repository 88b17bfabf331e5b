"""A fitted verifier as a folder of weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.calibration import Calibration
from agents.cache.semantic.features import FEATURES
from agents.cache.semantic.network import Network
from agents.cache.semantic.trees import Trees
from agents.cache.semantic.verifier import Judgement
from schemas.errors import ConfigurationError
from streams.weights import MANIFEST, Arrays, WeightsFormat

SHIPPED = Path(__file__).with_name("shipped")
"""Fitted on generated pairs alone; `scripts/fit_verifier.py` makes it."""
FORMAT = WeightsFormat("asahi-verifier", 1, "asahi evaluate cache --fit")


def save(judgement: Judgement, folder: Path, measured: Mapping[str, object]) -> None:
    """Write the folder.

    Args:
        judgement: What was fitted.
        folder: Made if missing.
        measured: What is known of it, for people.

    Raises:
        ConfigurationError: The folder cannot be written.
    """
    described = {"embedding": judgement.embedding, "features": list(FEATURES), "measured": dict(measured)}
    try:
        FORMAT.write(folder, described, _arrays(judgement))
    except OSError as wrong:
        raise ConfigurationError(f"--model-dir {folder}: {wrong}; name a folder that can be written") from wrong


def load(folder: Path, embedding: str) -> Judgement:
    """Read a folder that `save` wrote.

    Args:
        folder: Where.
        embedding: Name of the embedding it will be used with.

    Raises:
        ConfigurationError: A file is missing, unreadable, of another version or embedding, or not the one described.
    """
    file, manifest = folder / MANIFEST, FORMAT.read_manifest(folder)
    if manifest.get("features") != list(FEATURES):
        raise ConfigurationError(f"{file}: its features are others than this version computes; {FORMAT.remedy}")
    if manifest.get("embedding") != embedding:
        raise ConfigurationError(
            f"{file}: embedding is {manifest.get('embedding')!r}, not {embedding!r}; {FORMAT.remedy}"
        )
    return FORMAT.read(folder, manifest, partial(_judgement, embedding))


def _arrays(judgement: Judgement) -> dict[str, NDArray[Any]]:
    return {
        **{f"trees.{name}": np.asarray(getattr(judgement.trees, name)) for name in Trees.__dataclass_fields__},
        **{f"network.{name}": np.asarray(getattr(judgement.network, name)) for name in Network.__dataclass_fields__},
        "weights": judgement.weights,
        "calibration.scores": judgement.calibration.scores,
        "calibration.shares": judgement.calibration.shares,
    }


def _judgement(embedding: str, arrays: Arrays) -> Judgement:
    trees = Trees(
        arrays["trees.features"], arrays["trees.thresholds"], arrays["trees.values"], float(arrays["trees.base"])
    )
    network = Network(
        arrays["network.mean"],
        arrays["network.scale"],
        arrays["network.hidden"],
        arrays["network.hidden_bias"],
        arrays["network.out"],
        float(arrays["network.bias"]),
    )
    if trees.features.max(initial=0) >= len(FEATURES) or len(network.mean) < len(FEATURES):
        raise ValueError("they look at other features")
    return Judgement(
        embedding,
        trees,
        network,
        arrays["weights"],
        Calibration(arrays["calibration.scores"], arrays["calibration.shares"]),
    )
