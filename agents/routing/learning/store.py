"""What was learned, as a folder of weights."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

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
from streams.weights import MANIFEST, Arrays, WeightsFormat

FORMAT = WeightsFormat("asahi-router", 1, "asahi router fit")


def save(learned: Learned, folder: Path) -> None:
    """Write the folder.

    Raises:
        ConfigurationError: The folder cannot be written.
    """
    described = {
        "models": list(learned.knowledge.models),
        "names": dict(learned.names),
        "embedding": learned.embedding,
        "features": list(FEATURES),
        "views": list(VIEWS),
        "prompts": len(learned.fitted_on),
        "calibration": {model: asdict(measured) for model, measured in learned.calibration.items()},
        "cascade": None if learned.scorer is None else {"model": learned.scorer.model, "signals": list(SIGNALS)},
    }
    try:
        FORMAT.write(folder, described, _arrays(learned))
    except OSError as wrong:
        raise ConfigurationError(f"{folder}: {wrong}; name a folder that can be written") from wrong


def load(folder: Path) -> Learned:
    """Read a folder that `save` wrote.

    Raises:
        ConfigurationError: A file is missing, unreadable, of another version, or not the one the manifest describes.
    """
    manifest = FORMAT.read_manifest(folder)
    _check(folder / MANIFEST, manifest)
    return FORMAT.read(folder, manifest, partial(_learned, manifest))


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


def _learned(manifest: dict[str, Any], arrays: Arrays) -> Learned:
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


def _part(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    start = f"{prefix}."
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}


def _scorer(cascade: dict[str, Any] | None, arrays: Arrays) -> AnswerScorer | None:
    if cascade is None:
        return None
    if cascade["signals"] != list(SIGNALS) or arrays["scorer.weights"].shape != (len(SIGNALS) + 1,):
        raise ValueError("the signals of an answer are others than these")
    return AnswerScorer(cascade["model"], arrays["scorer.weights"], float(arrays["scorer.bias"]))


def _check(file: Path, manifest: dict[str, Any]) -> None:
    missing = sorted({"models", "embedding", "calibration", "cascade", "sha256"}.difference(manifest))
    if missing:
        raise ConfigurationError(f"{file}: {missing[0]!r} is missing; {FORMAT.remedy}")
    if manifest.get("features") != list(FEATURES) or manifest.get("views") != list(VIEWS):
        raise ConfigurationError(f"{file}: its features are others than this version computes; {FORMAT.remedy}")
