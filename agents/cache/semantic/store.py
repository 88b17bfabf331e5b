"""A fitted verifier as a folder: `manifest.json` for people and checks, `weights.npz` for the numbers. No pickles."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from agents.cache.semantic.calibration import Calibration
from agents.cache.semantic.features import FEATURES
from agents.cache.semantic.network import Network
from agents.cache.semantic.trees import Trees
from agents.cache.semantic.verifier import Judgement
from schemas.errors import ConfigurationError

SHIPPED = Path(__file__).with_name("shipped")
"""Fitted on generated pairs alone; `scripts/fit_verifier.py` makes it."""
FORMAT = "asahi-verifier"
VERSION = 1
"""Raise it when the arrays or their meaning change; another version is refused, not guessed."""
MANIFEST = "manifest.json"
WEIGHTS = "weights.npz"
REMEDY = "run asahi evaluate cache --fit to write the folder anew"


def save(judgement: Judgement, folder: Path, measured: Mapping[str, object]) -> None:
    """Write the folder, weights first: a manifest always belongs to weights that are whole.

    Args:
        judgement: What was fitted.
        folder: Made if missing.
        measured: What is known of it, for people.

    Raises:
        ConfigurationError: The folder cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **_arrays(judgement))
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "embedding": judgement.embedding,
        "features": list(FEATURES),
        "measured": dict(measured),
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / WEIGHTS, buffer.getvalue())
        _replace(folder / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
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
    manifest = _manifest(folder / MANIFEST)
    if manifest.get("embedding") != embedding:
        raise ConfigurationError(
            f"{folder / MANIFEST}: embedding is {manifest.get('embedding')!r}, not {embedding!r}; {REMEDY}"
        )
    try:
        raw = (folder / WEIGHTS).read_bytes()
    except OSError as wrong:
        raise ConfigurationError(f"{folder / WEIGHTS}: {wrong}; {REMEDY}") from wrong
    if hashlib.sha256(raw).hexdigest() != manifest.get("sha256"):
        raise ConfigurationError(f"{folder / WEIGHTS}: its checksum is not the manifest's; {REMEDY}")
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            return _judgement(embedding, {name: arrays[name] for name in arrays.files})
    except (KeyError, TypeError, ValueError, BadZipFile) as wrong:
        raise ConfigurationError(f"{folder}: manifest and weights do not fit together ({wrong}); {REMEDY}") from wrong


def _arrays(judgement: Judgement) -> dict[str, NDArray[Any]]:
    return {
        **{f"trees.{name}": np.asarray(getattr(judgement.trees, name)) for name in Trees.__dataclass_fields__},
        **{f"network.{name}": np.asarray(getattr(judgement.network, name)) for name in Network.__dataclass_fields__},
        "weights": judgement.weights,
        "calibration.scores": judgement.calibration.scores,
        "calibration.shares": judgement.calibration.shares,
    }


def _judgement(embedding: str, arrays: Mapping[str, NDArray[Any]]) -> Judgement:
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


def _manifest(file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(file.read_bytes())
    except OSError as wrong:
        raise ConfigurationError(
            f"{file}: {wrong}; name a folder that asahi evaluate cache --fit has written"
        ) from wrong
    except ValueError as wrong:
        raise ConfigurationError(f"{file}: not JSON ({wrong}); {REMEDY}") from wrong
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ConfigurationError(
            f"{file}: format is not {FORMAT!r}; name a folder that asahi evaluate cache --fit has written"
        )
    if manifest.get("version") != VERSION:
        raise ConfigurationError(f"{file}: version is {manifest.get('version')!r}, not {VERSION}; {REMEDY}")
    if manifest.get("features") != list(FEATURES):
        raise ConfigurationError(f"{file}: its features are others than this version computes; {REMEDY}")
    return manifest


def _replace(file: Path, content: bytes) -> None:
    """Write a file so that it is either the old one or whole."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(content)
    beside.replace(file)
