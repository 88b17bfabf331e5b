"""What was fitted, as a folder: `manifest.json` for people and checks, `weights.npz` for the numbers. No pickles."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError

MANIFEST = "manifest.json"
WEIGHTS = "weights.npz"

Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")


class WeightsFormat(NamedTuple):
    """One kind of such a folder.

    Attributes:
        name: Stands in every manifest of this kind.
        version: Raised when the arrays or their meaning change; another one is refused, not guessed.
        command: That writes such folders.
    """

    name: str
    version: int
    command: str

    @property
    def remedy(self) -> str:
        """What to do about a folder that cannot be used."""
        return f"run {self.command} to write the folder anew"

    def write(self, folder: Path, described: Mapping[str, object], arrays: Arrays) -> None:
        """Write the folder, weights first: a manifest always belongs to weights that are whole.

        Args:
            folder: Made if missing.
            described: What the manifest says besides format, version and checksum.
            arrays: By name.

        Raises:
            OSError: The folder cannot be written.
        """
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        checksum = hashlib.sha256(buffer.getvalue()).hexdigest()
        manifest = {"format": self.name, "version": self.version, **described, "sha256": checksum}
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / WEIGHTS, buffer.getvalue())
        _replace(folder / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())

    def read_manifest(self, folder: Path) -> dict[str, Any]:
        """Return the manifest of a folder of this kind.

        Raises:
            ConfigurationError: It is missing, unreadable, or of another kind or version.
        """
        file = folder / MANIFEST
        another = f"name a folder that {self.command} has written"
        try:
            manifest = json.loads(file.read_bytes())
        except OSError as wrong:
            raise ConfigurationError(f"{file}: {wrong}; {another}") from wrong
        except ValueError as wrong:
            raise ConfigurationError(f"{file}: not JSON ({wrong}); {self.remedy}") from wrong
        if not isinstance(manifest, dict) or manifest.get("format") != self.name:
            raise ConfigurationError(f"{file}: format is not {self.name!r}; {another}")
        if manifest.get("version") != self.version:
            raise ConfigurationError(
                f"{file}: version is {manifest.get('version')!r}, not {self.version}; {self.remedy}"
            )
        return manifest

    def read(self, folder: Path, manifest: Mapping[str, Any], build: Callable[[Arrays], T]) -> T:
        """Return what is built of the arrays.

        Args:
            folder: Where they are.
            manifest: Of the folder.
            build: Raises `KeyError`, `TypeError` or `ValueError` where they do not fit.

        Raises:
            ConfigurationError: They cannot be read, or are not those that the manifest describes.
        """
        try:
            raw = (folder / WEIGHTS).read_bytes()
        except OSError as wrong:
            raise ConfigurationError(f"{folder / WEIGHTS}: {wrong}; {self.remedy}") from wrong
        if hashlib.sha256(raw).hexdigest() != manifest.get("sha256"):
            raise ConfigurationError(f"{folder / WEIGHTS}: its checksum is not the manifest's; {self.remedy}")
        try:
            with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
                return build({name: arrays[name] for name in arrays.files})
        except (KeyError, TypeError, ValueError, BadZipFile) as wrong:
            raise ConfigurationError(
                f"{folder}: manifest and weights do not fit together ({wrong}); {self.remedy}"
            ) from wrong


def _replace(file: Path, content: bytes) -> None:
    """Write a file so that it is either the old one or whole."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(content)
    beside.replace(file)
