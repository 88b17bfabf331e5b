"""What was learned, as a folder: `manifest.json` for people and checks, `weights.npz` for the numbers. No pickles."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from agents.routing.cascade.scorer import AnswerScorer
from agents.routing.cascade.signals import SIGNALS
from agents.routing.learning.calibration import Calibration
from agents.routing.learning.components import VIEWS, Components
from agents.routing.learning.corrections import Corrections
from agents.routing.learning.features import FEATURES
from agents.routing.learning.learned import Learned
from agents.routing.learning.predictor import Knowledge
from schemas.errors import ConfigurationError

FORMAT = "asahi-router"
VERSION = 1
"""Raise it when the arrays or their meaning change; another version is refused, not guessed."""
MANIFEST = "manifest.json"
WEIGHTS = "weights.npz"
REMEDY = "run asahi router fit to write the folder anew"


def save(learned: Learned, folder: Path) -> None:
    """Write the folder, weights first: a manifest always belongs to weights that are whole.

    Raises:
        ConfigurationError: The folder cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **_arrays(learned))
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "models": list(learned.knowledge.models),
        "names": dict(learned.names),
        "embedding": learned.embedding,
        "features": list(FEATURES),
        "views": list(VIEWS),
        "prompts": len(learned.fitted_on),
        "calibration": {model: asdict(measured) for model, measured in learned.calibration.items()},
        "cascade": None if learned.scorer is None else {"model": learned.scorer.model, "signals": list(SIGNALS)},
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / WEIGHTS, buffer.getvalue())
        _replace(folder / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
    except OSError as wrong:
        raise ConfigurationError(f"{folder}: {wrong}; name a folder that can be written") from wrong


def load(folder: Path) -> Learned:
    """Read a folder that `save` wrote.

    Raises:
        ConfigurationError: A file is missing, unreadable, of another version, or not the one the manifest describes.
    """
    manifest = _manifest(folder / MANIFEST)
    try:
        raw = (folder / WEIGHTS).read_bytes()
    except OSError as wrong:
        raise ConfigurationError(f"{folder / WEIGHTS}: {wrong}; {REMEDY}") from wrong
    if hashlib.sha256(raw).hexdigest() != manifest["sha256"]:
        raise ConfigurationError(f"{folder / WEIGHTS}: its checksum is not the manifest's; {REMEDY}")
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            return _learned(manifest, {name: arrays[name] for name in arrays.files})
    except (KeyError, TypeError, ValueError, BadZipFile) as wrong:
        raise ConfigurationError(f"{folder}: manifest and weights do not fit together ({wrong}); {REMEDY}") from wrong


def _arrays(learned: Learned) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        **{f"components.{name}": value for name, value in _fields(learned.knowledge.components)},
        **{f"corrections.{name}": value for name, value in _fields(learned.knowledge.corrections)},
        "stack": learned.knowledge.stack,
        "fitted_on": learned.fitted_on,
    }
    if learned.scorer is not None:
        arrays |= {"scorer.weights": learned.scorer.weights, "scorer.bias": np.array(learned.scorer.bias)}
    return arrays


def _fields(part: Components | Corrections) -> list[tuple[str, NDArray[Any]]]:
    return [(name, getattr(part, name)) for name in type(part).__dataclass_fields__]


def _learned(manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Learned:
    models = tuple(manifest["models"])
    components = Components(**_part("components", arrays))
    corrections = Corrections(**_part("corrections", arrays))
    for name, found, wanted in (
        ("stack", arrays["stack"].shape, (len(models), 1 + len(VIEWS))),
        ("weights", components.weights.shape[1:], components.bias.shape),
        ("bias", components.bias.shape, (len(models) + len(components.topic_quality),)),
        ("topic_quality", components.topic_quality.shape[1:], (len(models),)),
        ("graded", components.graded.shape, (len(components.centres), len(models))),
        ("corrections", corrections.surprise.shape, (len(components.centres), len(models))),
    ):
        if found != wanted:
            raise ValueError(f"{name} has shape {found}, not {wanted}")
    return Learned(
        Knowledge(models, components, arrays["stack"], corrections),
        _scorer(manifest["cascade"], arrays),
        {model: Calibration(**measured) for model, measured in manifest["calibration"].items()},
        arrays["fitted_on"],
        manifest["embedding"],
        dict(manifest.get("names", {})),
    )


def _part(prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    start = f"{prefix}."
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}


def _scorer(cascade: dict[str, Any] | None, arrays: dict[str, NDArray[Any]]) -> AnswerScorer | None:
    if cascade is None:
        return None
    if cascade["signals"] != list(SIGNALS) or arrays["scorer.weights"].shape != (len(SIGNALS) + 1,):
        raise ValueError("the signals of an answer are others than these")
    return AnswerScorer(cascade["model"], arrays["scorer.weights"], float(arrays["scorer.bias"]))


def _manifest(file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(file.read_bytes())
    except OSError as wrong:
        raise ConfigurationError(f"{file}: {wrong}; name a folder that asahi router fit has written") from wrong
    except ValueError as wrong:
        raise ConfigurationError(f"{file}: not JSON ({wrong}); {REMEDY}") from wrong
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ConfigurationError(f"{file}: format is not {FORMAT!r}; name a folder that asahi router fit has written")
    if manifest.get("version") != VERSION:
        raise ConfigurationError(f"{file}: version is {manifest.get('version')!r}, not {VERSION}; {REMEDY}")
    missing = sorted({"models", "embedding", "calibration", "cascade", "sha256"}.difference(manifest))
    if missing:
        raise ConfigurationError(f"{file}: {missing[0]!r} is missing; {REMEDY}")
    if manifest.get("features") != list(FEATURES) or manifest.get("views") != list(VIEWS):
        raise ConfigurationError(f"{file}: its features are others than this version computes; {REMEDY}")
    return manifest


def _replace(file: Path, content: bytes) -> None:
    """Write a file so that it is either the old one or whole."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(content)
    beside.replace(file)
